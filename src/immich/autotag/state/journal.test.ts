import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { MemoryServer } from '../../../../test/support/autotag-apply/memory-server.ts'
import { planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import type { Plan, Step } from '../plan.ts'
import type { AutotagState } from '../state.ts'
import { openAutotagState, statePath } from './state-file.ts'

const OWNER = { address: 'http://nas.local:2283', userId: randomUUID() }
const NOW = '2026-11-22T09:15:00.000Z'

function planWith(steps: readonly Step[]): Plan {
  return planOf(new MemoryServer().snapshot(), steps)
}

function tagStep(assetIds: readonly string[], value = 'a'): Step {
  return { op: 'tag.add', rule: 'r', tag: value, assetIds }
}

function begin(state: AutotagState, kind: 'apply' | 'undo' = 'apply', undoes?: string): string {
  return state.journal.begin({ kind, undoes, plan: planWith([]), albumsBefore: [], now: NOW }).id
}

/** One call, written down and settled, as the only one of its run. */
function settled(
  state: AutotagState,
  step: Step,
  result: Partial<Parameters<AutotagState['journal']['settle']>[2]>,
  kind: 'apply' | 'undo' = 'apply',
): void {
  const run = begin(state, kind, kind === 'undo' ? 'x' : undefined)
  state.journal.intend(run, [{ seq: 1, step, alsoSteps: [] }], NOW)
  state.journal.settle(run, 1, { outcomes: {}, facts: [], ...result }, NOW)
  state.journal.end(run, 'completed', NOW)
}

describe('the journal', () => {
  test('keeps runs, their plans, and calls as they were intended and ended', () => {
    using scratch = scratchState(OWNER)
    const plan = planWith([tagStep(['x', 'y', 'z'])])
    const albumsBefore = [randomUUID(), randomUUID()]
    const { journal } = scratch.state
    const run = journal.begin({ kind: 'apply', plan, albumsBefore, now: NOW })
    assert.match(run.id, /^2026-11-22T09-15-00Z-[0-9a-f]{4}$/u)
    const step = tagStep(['x', 'y', 'z'])
    journal.intend(
      run.id,
      [
        { seq: 1, step, alsoSteps: [tagStep(['x'], 'b')] },
        { seq: 2, step, alsoSteps: [] },
      ],
      NOW,
    )
    const outcomes = { x: 'done', y: 'gone', z: 'done' } as const
    journal.settle(run.id, 1, { outcomes, facts: [] }, NOW)
    const error = { code: 'immich/rejected', message: 'no' }
    journal.settle(run.id, 2, { outcomes: { y: 'failed' }, error, facts: [] }, NOW)

    const again = scratch.reopen().journal
    assert.deepEqual(again.planOf(run.id), plan)
    assert.deepEqual(again.albumsBefore(run.id), new Set(albumsBefore))
    const [first, second] = again.callsOf(run.id)
    assert.deepEqual([first?.step, first?.alsoSteps.length, first?.outcomes], [step, 1, outcomes])
    // What nobody knows has no outcome.
    assert.deepEqual([second?.outcomes, second?.error], [{ y: 'failed' }, error])
    again.reopen(run.id)
    again.end(run.id, 'interrupted', NOW)
    assert.deepEqual(
      again.runs().map(({ id, status, endedAt }) => [id, status, endedAt]),
      [[run.id, 'interrupted', NOW]],
    )
    assert.throws(() => again.planOf('nothing'), { code: 'autotag/unknown-run' })
  })

  test('reads thousands of calls in their order, piece by piece', () => {
    using scratch = scratchState(OWNER)
    const { journal } = scratch.state
    const run = begin(scratch.state)
    const intents = Array.from({ length: 1_234 }, (_, at) => ({
      seq: at + 1,
      step: tagStep([`${at}`]),
      alsoSteps: [],
    }))
    journal.intend(run, intents, NOW)
    assert.deepEqual(
      [...journal.callsOf(run)].map(({ seq }) => seq),
      intents.map(({ seq }) => seq),
    )
  })

  test('an intent can be seen by another process as soon as it is written', () => {
    using scratch = scratchState(OWNER)
    const run = begin(scratch.state)
    scratch.state.journal.intend(run, [{ seq: 1, step: tagStep(['x']), alsoSteps: [] }], NOW)
    const other = openAutotagState({ folder: scratch.folder, ...OWNER })
    assert.equal([...other.journal.callsOf(run)].length, 1)
    assert.throws(() => begin(other), { code: 'autotag/apply-in-progress' })
    scratch.state.journal.end(run, 'completed', NOW)
    other.journal.end(begin(other), 'completed', NOW)
    other.close()
  })

  test('holds no key, whatever is in it', () => {
    using scratch = scratchState(OWNER)
    settled(scratch.state, tagStep(['x']), { outcomes: { x: 'done' } })
    scratch.state.close()
    const bytes = readFileSync(statePath({ folder: scratch.folder, ...OWNER })).toString('latin1')
    assert.doesNotMatch(bytes, /api.?key|x-api|bearer|password/iu)
  })
})

describe('facts', () => {
  const about = (subjectId: string, is: boolean) =>
    ({ subjectId, rule: 'r', fact: { kind: 'tag', value: 'a', is } }) as const

  test('the last one for each value holds, and later ones have a greater number', () => {
    using scratch = scratchState(OWNER)
    settled(scratch.state, tagStep(['x']), { facts: [about('x', true)] })
    const [before] = scratch.state.facts().of('x', 'tag')
    settled(scratch.state, tagStep(['x']), { facts: [about('x', false)] })
    const [after, ...others] = scratch.reopen().facts().of('x', 'tag')
    assert.deepEqual(others, [])
    assert.deepEqual(after, { kind: 'tag', value: 'a', is: false, rule: 'r', seq: after?.seq })
    assert.ok((after?.seq ?? 0) > (before?.seq ?? 0))
    assert.deepEqual(scratch.state.facts().of('x', 'date'), [])
  })

  test('an undo leaves them as they were, marked; doing it again takes the mark away', () => {
    using scratch = scratchState(OWNER)
    const { state } = scratch
    settled(state, tagStep(['x']), { facts: [about('x', true)] })
    settled(state, tagStep(['x']), { facts: [about('x', false)] }, 'undo')
    const [undone] = state.facts().of('x', 'tag')
    assert.deepEqual([undone?.kind === 'tag' && undone.is, undone?.undone], [true, true])
    settled(state, tagStep(['x']), { facts: [about('x', true)] }, 'undo')
    assert.equal(state.facts().of('x', 'tag')[0]?.undone, undefined)
    settled(state, tagStep(['q']), { facts: [about('q', true)] }, 'undo')
    assert.deepEqual(state.facts().of('q', 'tag'), [])
  })

  test('of an album that is gone are known by its name, and by the id of the next one', () => {
    using scratch = scratchState(OWNER)
    const { state } = scratch
    const album = { key: 'Trip', name: 'Trip' }
    const create: Step = { op: 'album.create', rule: 'albums/t', album, description: '', assetIds: ['x'] }
    const fact = { kind: 'album', value: 'id-1', name: 'Trip', is: true } as const
    settled(state, create, { albumId: 'id-1', facts: [{ subjectId: 'x', rule: 'albums/t', fact }] })
    assert.deepEqual([...state.facts().madeAlbums], [['id-1', 'albums/t']])
    const remove: Step = {
      op: 'album.delete',
      rule: 'albums/t',
      album: { id: 'id-1', name: 'Trip' },
      before: { description: '', members: [] },
    }
    const valueNow = (): unknown =>
      state
        .facts()
        .of('x', 'album')
        .map((one) => 'value' in one && one.value)
    settled(state, remove, { outcomes: { 'id-1': 'done' } }, 'undo')
    assert.deepEqual([[...state.facts().madeAlbums], valueNow()], [[], ['Trip']])
    settled(state, create, { albumId: 'id-2' }, 'undo')
    assert.deepEqual([[...state.facts().madeAlbums], valueNow()], [[['id-2', 'albums/t']], ['id-2']])
  })

  test('are forgotten all, or just those of given overrides', () => {
    using scratch = scratchState(OWNER)
    const { state } = scratch
    settled(state, tagStep(['x']), { facts: [about('x', true), about('y', true), about('z', true)] })
    const { subjectId, fact, rule } = about('y', true)
    state.forgetOverrides([{ rule, fact, subjectId, says: '' }])
    const known = (): string[] => ['x', 'y', 'z'].filter((id) => state.facts().of(id, 'tag').length > 0)
    assert.deepEqual(known(), ['x', 'z'])
    state.forgetOverrides()
    assert.deepEqual(known(), [])
  })
})
