import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { AppliedFacts, Plan } from '../plan.ts'
import type { Rules } from '../rules.ts'
import type { Snapshot, SnapshotAsset } from '../snapshot.ts'
import { decide, NO_FACTS } from './decide.ts'
import { makePlan } from './make-plan.ts'
import { applyInMemory, factsAfter, undoInMemory } from './testing/apply-in-memory.ts'
import { rulesOf, snapshotOf } from './testing/library.ts'
import { anyDoings, anyLibrary, anyRules, doAll } from './testing/random-library.ts'

/** Some 13 ms of CPU each. */
const RUNS = { numRuns: 60 }

function planOf(snapshot: Snapshot, rules: Rules, facts: AppliedFacts = NO_FACTS): Plan {
  const decision = decide(snapshot, rules, facts)
  return makePlan({ snapshot, rules, decision, facts, madeAt: '2026-11-22T12:00:00.000Z' })
}

function isAtRest({ remarks }: Plan): boolean {
  return remarks.every(({ kind }) => kind !== 'oscillates')
}

describe('any rules on any library', () => {
  test('a second plan, after the first was applied, is empty', () => {
    fc.assert(
      fc.property(anyLibrary, anyRules, anyDoings, (library, text, doings) => {
        const rules = rulesOf(text)
        const first = snapshotOf(library)
        const plan = planOf(first, rules)
        // Rules that fight are reported, and left where they are found: that may be another place the next time.
        fc.pre(isAtRest(plan))
        const facts = factsAfter(NO_FACTS, plan)
        const second = applyInMemory(first, plan)
        assert.deepEqual(planOf(second, rules, facts).steps, [])
        const changed = doAll(second, doings)
        const next = planOf(changed, rules, facts)
        fc.pre(isAtRest(next))
        const last = planOf(applyInMemory(changed, next), rules, factsAfter(facts, next))
        assert.deepEqual(last.steps, [])
      }),
      RUNS,
    )
  })

  test('what was applied and undone is as it was before', () => {
    fc.assert(
      fc.property(anyLibrary, anyRules, (library, text) => {
        const before = snapshotOf(library)
        const plan = planOf(before, rulesOf(text))
        const after = undoInMemory(applyInMemory(before, plan), plan)
        assert.deepEqual(contentOf(after), contentOf(before))
      }),
      RUNS,
    )
  })

  test('no order of the input decides anything', () => {
    fc.assert(
      fc.property(anyLibrary, anyRules, fc.integer(), (library, text, seed) => {
        const rules = rulesOf(text)
        const snapshot = snapshotOf(library)
        const other = shuffle(snapshot, seed)
        assert.equal(planOf(other, rules).id, planOf(snapshot, rules).id)
      }),
      RUNS,
    )
  })

  test('what is out of scope, or belongs to others, is in no step', () => {
    fc.assert(
      fc.property(anyLibrary, anyRules, (library, text) => {
        const snapshot = snapshotOf(library)
        const plan = planOf(snapshot, rulesOf(text))
        for (const step of plan.steps) {
          if (!('assetIds' in step)) continue
          for (const id of step.assetIds) {
            const asset = snapshot.assets.get(id)
            assert.equal(asset?.ownerId, snapshot.userId)
            assert.notEqual(asset.visibility, 'hidden')
            assert.ok(!asset.tagIds.includes('tag skip'))
          }
        }
      }),
      RUNS,
    )
  })
})

/** What a person sees of a library, without ids of tags and albums that nothing is in. */
function contentOf({ assets, albums }: Snapshot): unknown {
  return {
    assets: [...assets.values()].map((asset) => ({
      id: asset.id,
      tags: [...asset.tagIds].sort(),
      albums: [...asset.albumIds].sort(),
      takenMs: asset.taken?.atMs,
      isFavourite: asset.isFavourite,
      rating: asset.rating,
    })),
    albums: [...albums.values()].map(({ id, name, members, assetCount }) => ({
      id,
      name,
      assetCount,
      members: members.map(({ userId, role }) => `${userId} ${role}`).sort(),
    })),
  }
}

function shuffle(snapshot: Snapshot, seed: number): Snapshot {
  const mixed = <Value>(map: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
    new Map(mix([...map], seed))
  const assets = [...snapshot.assets.values()].map((asset): [string, SnapshotAsset] => [
    asset.id,
    { ...asset, tagIds: mix(asset.tagIds, seed), albumIds: mix(asset.albumIds, seed) },
  ])
  return {
    ...snapshot,
    assets: new Map(mix(assets, seed)),
    tags: mixed(snapshot.tags),
    albums: mixed(snapshot.albums),
    duplicates: mix(snapshot.duplicates, seed).map((group) => ({
      ...group,
      assetIds: mix(group.assetIds, seed),
    })),
    users: mix(snapshot.users, seed),
  }
}

function mix<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed | 1
  const keyed = items.map((item) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    return { item, key: state }
  })
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item)
}

describe('rules that fight', () => {
  const rules = rulesOf(`
moves:
  - { id: to-b, from: { tag: a }, to: { tag: b }, mode: move, create: true }
  - { id: to-a, from: { tag: b }, to: { tag: a }, mode: move, create: true }
checks:
  - { id: look, when: { tag: a }, ensure: { tag: look } }
`)
  const snapshot = snapshotOf({ assets: [{ id: 'x', tags: ['a'] }, { id: 'y' }] })
  const plan = planOf(snapshot, rules)

  test('are both named, with what they fight about', () => {
    const remarks = plan.remarks.filter(({ kind }) => kind === 'oscillates')
    assert.deepEqual(
      remarks.map(({ says }) => says),
      [
        'moves/to-a and moves/to-b do not come to rest about tag a: it stays as it is on the server',
        'moves/to-a and moves/to-b do not come to rest about tag b: it stays as it is on the server',
      ],
    )
    assert.deepEqual(remarks[0]?.assetIds, ['x'])
  })

  test('change nothing, and the other rules go on', () => {
    assert.deepEqual(plan.steps, [{ op: 'tag.add', rule: 'checks/look', tag: 'look', assetIds: ['x'] }])
  })
})

describe('a rule that fights itself', () => {
  const plan = planOf(
    snapshotOf({ assets: [{ id: 'x' }] }),
    rulesOf('checks: [ { id: liar, when: { not: { tag: a } }, ensure: { tag: a } } ]'),
  )

  test('is named alone and changes nothing', () => {
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.remarks.map(({ says }) => says),
      ['checks/liar does not come to rest about tag a: it stays as it is on the server'],
    )
  })
})

test('what depends on a fight comes to rest, and is not named', () => {
  const rules = rulesOf(`
moves: [ { id: to-a, from: { tag: b }, to: { tag: a }, mode: copy, create: true } ]
checks:
  - { id: no-a, when: { type: video }, ensure: { tag: a } }
  - { id: look, when: { tag: a }, ensure: { tag: look } }
`)
  const { remarks, steps } = planOf(snapshotOf({ assets: [{ id: 'x', tags: ['b'] }] }), rules)
  assert.deepEqual(
    remarks.map(({ says }) => says),
    ['checks/no-a and moves/to-a do not come to rest about tag a: it stays as it is on the server'],
  )
  assert.deepEqual(steps, [])
})

test('a tag that two rules ensure is there while either holds', () => {
  const rules = rulesOf(`
checks:
  - { id: one, when: { tag: a }, ensure: { tag: look } }
  - { id: two, when: { tag: b }, ensure: { tag: look } }
`)
  const snapshot = snapshotOf({
    assets: [
      { id: 'a', tags: ['a', 'look'] },
      { id: 'b', tags: ['b', 'look'] },
      { id: 'c', tags: ['look'] },
    ],
  })
  const steps = planOf(snapshot, rules).steps
  assert.deepEqual(steps, [{ op: 'tag.remove', rule: 'checks/two', tag: 'look', assetIds: ['c'] }])
})
