import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import type { AppliedFact, Fact } from '../plan.ts'
import { decide } from './decide.ts'
import { makePlan } from './make-plan.ts'
import { rulesOf, snapshotOf, type TestLibrary } from './testing/library.ts'
import { factsOf, planOf, shown } from './testing/plan-of.ts'

const NOW = '2026-11-22T12:00:00.000Z'
const RULE = 'moves/trips'

function rules(direction: string): string {
  return `moves: [ { id: trips, each: { tag: "trip/*" }, sync: { album: "{tag.leaf}" }, direction: ${direction} } ]`
}

function tagFact(is: boolean, seq: number): AppliedFact {
  return { kind: 'tag', value: 'trip/lake', is, rule: RULE, seq }
}

function albumFact(is: boolean, seq: number): AppliedFact {
  return { kind: 'album', value: 'album lake', name: 'lake', is, rule: RULE, seq }
}

const TAGGED: TestLibrary = {
  assets: [{ id: 'a', tags: ['trip/lake'] }],
  albums: [{ name: 'lake', extraAssets: 3 }],
}
const IN_ALBUM: TestLibrary = { assets: [{ id: 'a', albums: ['lake'] }], tags: ['trip/lake'] }

describe('a tag and an album in step', () => {
  test('what has one of both and no history gets the other', () => {
    assert.deepEqual(shown(planOf(TAGGED, rules('both'))), ['album.add lake: a'])
    assert.deepEqual(shown(planOf(IN_ALBUM, rules('both'))), ['tag.add trip/lake: a'])
  })

  test('an album that is missing is made for those with its tag', () => {
    const library: TestLibrary = { assets: [{ id: 'a', tags: ['trip/lake'] }] }
    assert.deepEqual(shown(planOf(library, rules('both'))), ['album.create lake: a'])
    assert.deepEqual(shown(planOf(library, rules('album-to-tag'))), [])
  })

  test('in one direction only, the other side never changes', () => {
    assert.deepEqual(shown(planOf(TAGGED, rules('album-to-tag'))), [])
    assert.deepEqual(shown(planOf(IN_ALBUM, rules('tag-to-album'))), [])
  })

  test('what was in step and left the album by hand loses the tag', () => {
    const facts = factsOf({ a: [albumFact(true, 5)] })
    assert.deepEqual(shown(planOf(TAGGED, rules('both'), facts)), ['tag.remove trip/lake: a'])
  })

  test('what was in step and lost the tag by hand leaves the album', () => {
    const facts = factsOf({ a: [tagFact(true, 5)] })
    assert.deepEqual(shown(planOf(IN_ALBUM, rules('both'), facts)), ['album.remove lake: a'])
  })

  test('what was taken from both and is given one by hand gets the other again', () => {
    const facts = factsOf({ a: [tagFact(true, 3), albumFact(false, 7)] })
    assert.deepEqual(shown(planOf(TAGGED, rules('both'), facts)), ['album.add lake: a'])
  })

  test('of several facts the latest decides', () => {
    const facts = factsOf({ a: [tagFact(false, 3), albumFact(true, 7)] })
    assert.deepEqual(shown(planOf(TAGGED, rules('both'), facts)), ['tag.remove trip/lake: a'])
  })

  test('with one direction, what a user takes out stays out and is reported', () => {
    const plan = planOf(TAGGED, rules('tag-to-album'), factsOf({ a: [albumFact(true, 5)] }))
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.overrides.map(({ says }) => says),
      ['user took it out of album "lake"'],
    )
  })

  test('whoever deletes the whole album takes no tags away', () => {
    const library: TestLibrary = { assets: [{ id: 'a', tags: ['trip/lake'] }] }
    const plan = planOf(library, rules('both'), factsOf({ a: [albumFact(true, 5)] }))
    assert.deepEqual(
      plan.steps.filter(({ op }) => op === 'tag.remove'),
      [],
    )
  })

  test('two tags of one album name are told and left alone', () => {
    const library: TestLibrary = { assets: [{ id: 'a', tags: ['trip/lake'] }], tags: ['trip/2020/lake'] }
    const plan = planOf(library, rules('both'))
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.remarks.map(({ kind }) => kind),
      ['album-name-not-unique'],
    )
  })

  test('a tag that a rule is still to make counts as there, so that no second plan is needed', () => {
    const both = `${rules('both')}\nchecks: [ { id: c, when: { favorite: true }, ensure: { tag: trip/lake } } ]`
    const library: TestLibrary = {
      assets: [
        { id: 'a', albums: ['lake'] },
        { id: 'b', isFavourite: true },
      ],
    }
    assert.deepEqual(shown(planOf(library, both)), [
      'album.add lake: b',
      'tag.add trip/lake: b',
      'album.remove lake: a',
    ])
  })
})

describe('an undone run, remembered by the state file', () => {
  const owner = { address: 'http://nas.local:2283', userId: 'me' }

  /** Facts after a run that put the tagged asset into its album, and, if so, its undo. */
  function memoryOf(isUndone: boolean): {
    readonly steps: readonly string[]
    readonly overrides: readonly string[]
  } {
    using scratch = scratchState(owner)
    const { journal } = scratch.state
    const snapshot = snapshotOf(TAGGED)
    const compiled = rulesOf(rules('both'))
    const plan = planOf(TAGGED, rules('both'))
    const [step] = plan.steps
    assert.ok(step)
    for (const kind of isUndone ? (['apply', 'undo'] as const) : (['apply'] as const)) {
      const fact: Fact = { kind: 'album', value: 'album lake', name: 'lake', is: kind === 'apply' }
      const { id } = journal.begin({ kind, plan, albumsBefore: [], now: NOW })
      journal.intend(id, [{ seq: 1, step, alsoSteps: [] }], NOW)
      const facts = [{ subjectId: 'a', rule: RULE, fact }]
      journal.settle(id, 1, { outcomes: { a: 'done' }, facts }, NOW)
      journal.end(id, 'completed', NOW)
    }
    const facts = scratch.reopen().facts()
    const decision = decide(snapshot, compiled, facts)
    const next = makePlan({ snapshot, rules: compiled, decision, facts, madeAt: 'now' })
    return { steps: shown(next), overrides: next.overrides.map(({ says }) => says) }
  }

  test('is left alone: neither the tag is taken, nor the album filled again', () => {
    assert.deepEqual(memoryOf(true), { steps: [], overrides: ['user took it out of album "lake"'] })
  })

  test('without the undo, the same library means that a user took it out', () => {
    assert.deepEqual(memoryOf(false), { steps: ['tag.remove trip/lake: a'], overrides: [] })
  })
})
