import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_FACTS } from './decide.ts'
import { type Explanation, explainAsset } from './explain-asset.ts'
import { rulesOf, snapshotOf, type TestLibrary } from './testing/library.ts'
import { factsOf } from './testing/plan-of.ts'

const RULES = `
scope: { where: { not: { tag: skip } } }
categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash: { ensure: { tag: auto/clash }, also: several-albums }
  list: [ { id: trips, is: { album: '/^\\d{4}/' } }, { id: memes, is: { tag: meme } } ]
albums: [ { id: folders, where: { category: none, path: '/\\/(?<name>\\d{4}-[^\\/]+)/' }, into: "{match.name}", follow-moves: true } ]
`

function explain(library: TestLibrary, asset = 'a', yaml = RULES, facts = NO_FACTS): Explanation {
  return explainAsset(snapshotOf(library), rulesOf(yaml), facts, asset)
}

function ruleOf({ document }: Explanation, name: string) {
  const found = document.rules.find(({ rule }) => rule === name)
  assert.ok(found, name)
  return found
}

describe('an explanation', () => {
  test('says that one category by two albums clashes, and which albums they are', () => {
    const explanation = explain({ assets: [{ id: 'a', albums: ['2019 Lake', '2020 Sea'] }] })
    const clash = ruleOf(explanation, 'categories.clash')
    assert.equal(clash.holds, true)
    assert.deepEqual(
      clash.reason.of.map(({ holds, saw }) => [holds, saw]),
      [
        [false, clash.reason.of[0]?.saw],
        [true, 'by 2019 Lake, 2020 Sea'],
      ],
    )
    assert.match(explanation.lines.join('\n'), /categories\.clash: holds\n/u)
    assert.match(explanation.lines.join('\n'), /does: tag auto\/clash is added/u)
  })

  test('says of two categories that they clash, with and without several-albums', () => {
    const library = { assets: [{ id: 'a', albums: ['2019 Lake'], tags: ['meme'] }] }
    for (const yaml of [RULES, RULES.replace(', also: several-albums', '')]) {
      assert.equal(ruleOf(explain(library, 'a', yaml), 'categories.clash').holds, true)
    }
  })

  test('judges a rule that follows moves without the album that the rule itself has given', () => {
    const library = { assets: [{ id: 'a', path: '/x/2019-06-02 Lake/a.jpg', albums: ['2019-06-02 Lake'] }] }
    const put = { kind: 'album', value: 'album 2019-06-02 Lake', is: true, rule: 'albums/folders' } as const
    const explanation = explain(library, 'a', RULES, factsOf({ a: [put] }))
    assert.equal(ruleOf(explanation, 'albums/folders').holds, true)
    assert.deepEqual(explanation.document.changes, [])
    assert.equal(ruleOf(explain(library), 'albums/folders').holds, false, 'by somebody else it is sorted')
  })

  test('says what changes only after the plan', () => {
    const explanation = explain({ assets: [{ id: 'a', path: '/x/2019-06-02 Lake/a.jpg' }] })
    const { holds, holdsAfterwards } = ruleOf(explanation, 'categories/trips')
    assert.deepEqual([holds, holdsAfterwards], [false, true])
    assert.match(explanation.lines.join('\n'), /categories\/trips: does not hold, but does after the plan/u)
  })

  test('says that a date without a zone is shown in UTC', () => {
    const dated = (zone?: string) => ({
      assets: [{ id: 'a', date: '2024-01-01T10:00:00+01:00', ...(zone === undefined ? {} : { zone }) }],
    })
    assert.match(
      explain(dated()).lines.join('\n'),
      /date 2024-01-01T09:00:00\+00:00 \(in UTC: the server knows no zone\)/u,
    )
    assert.match(explain(dated('Europe/Oslo')).lines.join('\n'), /date 2024-01-01T10:00:00\+01:00$/mu)
    assert.match(explain({ assets: [{ id: 'a' }] }).lines.join('\n'), /date none$/mu)
  })

  test('says why an asset is out of scope, or nobody changes it', () => {
    const out = explain({ assets: [{ id: 'a', tags: ['skip'] }] })
    assert.equal(out.document.isInScope, false)
    assert.match(out.lines.join('\n'), /not in the scope/u)
    const others = explain({ assets: [{ id: 'a', ownerId: 'other' }] })
    assert.match(others.lines.join('\n'), /belongs to somebody else/u)
    const hidden = explain({ assets: [{ id: 'a', visibility: 'hidden' }] })
    assert.match(hidden.lines.join('\n'), /visibility is not in the scope/u)
  })

  test('finds the asset by an address, and says when there is none', () => {
    const library = { assets: [{ id: 'abc' }] }
    assert.equal(explain(library, 'https://x.org/albums/q/photos/ABC?b=1').document.assetId, 'abc')
    assert.throws(() => explain(library, 'nothing'), { code: 'autotag/unknown-asset' })
  })

  test('names what a user has taken back', () => {
    const facts = factsOf({
      a: [{ kind: 'tag', value: 'auto/unsorted', is: true, rule: 'categories.unsorted' }],
    })
    assert.match(
      explain({ assets: [{ id: 'a' }] }, 'a', RULES, facts).lines.join('\n'),
      /does not: user removed tag auto\/unsorted/u,
    )
  })
})
