import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import type { AppliedFact, AppliedFacts } from '../plan.ts'
import { decide } from './decide.ts'
import { rulesOf, snapshotOf, type TestAsset, type TestLibrary } from './testing/library.ts'
import { factsOf, planOf, shown } from './testing/plan-of.ts'

const CHECK = 'checks: [ { id: fav, when: { favorite: true }, ensure: { tag: look } } ]'

function fact(is: boolean, rule = 'checks/fav'): AppliedFacts {
  return factsOf({ a: [{ kind: 'tag', value: 'look', is, rule, seq: 1 }] })
}

function asset(one: Omit<TestAsset, 'id'>): TestLibrary {
  return { assets: [{ ...one, id: 'a' }], tags: ['look'] }
}

/** Steps, what was respected, and how many facts are over. */
function outcome(library: TestLibrary, yaml: string, facts: AppliedFacts): unknown {
  const plan = planOf(library, yaml, facts)
  const { stale } = decide(snapshotOf(library), rulesOf(yaml), facts)
  return [shown(plan), plan.overrides.map(({ says }) => says), stale.length]
}

describe('what a user has taken back', () => {
  test('a tag that we gave and that is gone is not given again', () => {
    assert.deepEqual(outcome(asset({ isFavourite: true }), CHECK, fact(true)), [
      [],
      ['user removed tag look'],
      0,
    ])
  })

  test('a tag that we took and that is there again is not taken again', () => {
    assert.deepEqual(outcome(asset({ tags: ['look'] }), CHECK, fact(false)), [[], ['user added tag look'], 0])
  })

  test('a tag that we gave and that is still there goes when its condition goes', () => {
    assert.deepEqual(outcome(asset({ tags: ['look'] }), CHECK, fact(true)), [['tag.remove look: a'], [], 0])
  })

  test('an album that we put it into, and that it left, is left alone', () => {
    const yaml = 'albums: [ { id: fav, where: { favorite: true }, into: Best } ]'
    const library: TestLibrary = { assets: [{ id: 'a', isFavourite: true }], albums: [{ name: 'Best' }] }
    const put: AppliedFact = { kind: 'album', value: 'album Best', is: true, rule: 'albums/fav' }
    assert.deepEqual(outcome(library, yaml, factsOf({ a: [put] })), [
      [],
      ['user took it out of album "Best"'],
      0,
    ])
    assert.deepEqual(outcome({ ...library, albums: [] }, yaml, factsOf({ a: [{ ...put, name: 'Best' }] })), [
      [],
      ['user took it out of album "Best"'],
      0,
    ])
  })

  test('a date, a rating and a favourite that were changed again stay as the user has them', () => {
    const yaml = `
dates: { sources: [ folder ], accept: { only: earlier, by: 26h } }
duplicates: { carry: { favorite: any, rating: max }, to: each }`
    const library: TestLibrary = {
      assets: [
        { id: 'a', path: '/x/2019-06-02 Lake/a.jpg', date: '2024-01-01T10:00:00+00:00', zone: 'UTC' },
        { id: 'b', isFavourite: true, rating: 5 },
      ],
      duplicates: [['a', 'b']],
    }
    const facts = factsOf({
      a: [
        { kind: 'date', value: '2019-06-02T00:00:00+00:00', rule: 'dates/folder' },
        { kind: 'favorite', is: true, rule: 'duplicates/favorite' },
        { kind: 'rating', value: 5, rule: 'duplicates/rating' },
      ],
    })
    assert.deepEqual(outcome(library, yaml, facts), [
      [],
      [
        'user changed the date 2019-06-02T00:00:00+00:00',
        'user made it no favorite',
        'user changed the rating 5',
      ],
      0,
    ])
  })
})

describe('a fact is over', () => {
  test('when the user has taken away by hand what the rule would have taken', () => {
    assert.deepEqual(outcome(asset({}), CHECK, fact(true)), [[], [], 1])
  })

  test('when the user has given by hand what the rule would have given', () => {
    assert.deepEqual(outcome(asset({ isFavourite: true, tags: ['look'] }), CHECK, fact(false)), [[], [], 1])
  })

  test('not while the rule still wants what it has done', () => {
    assert.deepEqual(outcome(asset({ isFavourite: true, tags: ['look'] }), CHECK, fact(true)), [[], [], 0])
  })

  test('not for what another rule has done', () => {
    assert.deepEqual(outcome(asset({}), CHECK, fact(true, 'moves/x')), [[], [], 0])
  })

  test('and is forgotten by the state file, so that the rule may do it again', () => {
    const now = '2026-11-22T12:00:00.000Z'
    using scratch = scratchState({ address: 'http://nas.local:2283', userId: 'me' })
    const { journal } = scratch.state
    const plan = planOf(asset({ isFavourite: true }), CHECK)
    const [step] = plan.steps
    assert.ok(step)
    const { id } = journal.begin({ kind: 'apply', plan, albumsBefore: [], now })
    journal.intend(id, [{ seq: 1, step, alsoSteps: [] }], now)
    const facts = [
      { subjectId: 'a', rule: 'checks/fav', fact: { kind: 'tag', value: 'look', is: true } },
    ] as const
    journal.settle(id, 1, { outcomes: { a: 'done' }, facts }, now)
    journal.end(id, 'completed', now)
    const favourite = asset({ isFavourite: true })
    assert.deepEqual(planOf(favourite, CHECK, scratch.state.facts()).steps, [], 'an override')
    const { stale } = decide(snapshotOf(asset({})), rulesOf(CHECK), scratch.state.facts())
    scratch.state.forgetOverrides(stale)
    assert.deepEqual(shown(planOf(favourite, CHECK, scratch.reopen().facts())), ['tag.add look: a'])
  })
})
