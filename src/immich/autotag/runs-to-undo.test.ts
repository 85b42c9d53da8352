import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Step } from './plan.ts'
import { runsToUndo } from './runs-to-undo.ts'
import type { CallRecord, Journal, Outcome, RunRecord } from './state.ts'

const AT = '2026-11-22T09:15:00.000Z'
const DATE = { dateTimeOriginal: '2019-06-02T10:00:00.000+02:00', timeZone: null }

interface TestRun {
  readonly id: string
  readonly undoes?: string
  readonly calls: readonly (readonly [step: Step, outcome?: Outcome | null])[]
}

function tags(op: 'tag.add' | 'tag.remove', rule: string, ...assetIds: readonly string[]): Step {
  return { op, rule, tag: 'auto/a', assetIds }
}

/** Outcomes are those of each subject of a call; null where nobody knows. */
function journalOf(runs: readonly TestRun[]): Journal {
  const calls = new Map(
    runs.map((run) => [
      run.id,
      run.calls.map(([step, outcome = 'done'], index): CallRecord => {
        const subjects = 'assetIds' in step ? step.assetIds : ['album' in step ? step.album.name : '']
        return {
          seq: index + 1,
          step,
          alsoSteps: [],
          startedAt: AT,
          endedAt: AT,
          outcomes: outcome === null ? undefined : Object.fromEntries(subjects.map((id) => [id, outcome])),
          albumId: undefined,
          error: undefined,
        }
      }),
    ]),
  )
  const records = runs.map(
    ({ id, undoes }): RunRecord => ({
      id,
      kind: undoes === undefined ? 'apply' : 'undo',
      undoes,
      planId: id,
      startedAt: AT,
      endedAt: AT,
      status: 'completed',
    }),
  )
  return {
    runs: () => records,
    callsOf: (id: string) => calls.get(id) ?? [],
  } as Partial<Journal> as Journal
}

const FIRST: TestRun = { id: 'first', calls: [[tags('tag.add', 'checks/a', 'a-1')]] }
const SECOND: TestRun = {
  id: 'second',
  calls: [[tags('tag.add', 'checks/a', 'a-2', 'a-3')], [tags('tag.add', 'checks/b', 'a-2')]],
}

function undoOf(run: TestRun, ...steps: readonly Step[]): TestRun {
  return { id: `undo of ${run.id} ${steps.length}`, undoes: run.id, calls: steps.map((step) => [step]) }
}

describe('the run that an undo means', () => {
  test('is none of no runs', () => {
    assert.deepEqual(runsToUndo(journalOf([])), [])
  })

  test('is the last one', () => {
    assert.deepEqual(runsToUndo(journalOf([FIRST, SECOND])), ['second'])
  })

  test('is the one before when the last one was taken back', () => {
    const undo = undoOf(
      SECOND,
      tags('tag.remove', 'checks/a', 'a-2', 'a-3'),
      tags('tag.remove', 'checks/b', 'a-2'),
    )
    assert.deepEqual(runsToUndo(journalOf([FIRST, SECOND, undo])), ['first'])
  })

  test('is still the last one when a part of it was taken back, else the one before', () => {
    for (const part of [tags('tag.remove', 'checks/b', 'a-2'), tags('tag.remove', 'checks/a', 'a-2')]) {
      assert.deepEqual(runsToUndo(journalOf([FIRST, SECOND, undoOf(SECOND, part)])), ['second', 'first'])
    }
  })

  test('is the one before when the parts that were taken back are all of the last one', () => {
    const undos = [
      undoOf(SECOND, tags('tag.remove', 'checks/b', 'a-2')),
      undoOf(SECOND, tags('tag.remove', 'checks/a', 'a-2'), tags('tag.remove', 'checks/a', 'a-3')),
    ]
    assert.deepEqual(runsToUndo(journalOf([FIRST, SECOND, ...undos])), ['first'])
  })

  test('is still the last one when taking it back failed', () => {
    const failed: TestRun = {
      id: 'u',
      undoes: 'second',
      calls: [
        [tags('tag.remove', 'checks/a', 'a-2', 'a-3'), 'failed'],
        [tags('tag.remove', 'checks/b', 'a-2'), 'failed'],
      ],
    }
    assert.deepEqual(runsToUndo(journalOf([FIRST, SECOND, failed])), ['second', 'first'])
  })

  test('is not a run that changed nothing, but one of which nobody knows', () => {
    const idle: TestRun = { id: 'idle', calls: [[tags('tag.add', 'checks/a', 'a-9'), 'was-so']] }
    const doubtful: TestRun = { id: 'doubtful', calls: [[tags('tag.add', 'checks/a', 'a-9'), null]] }
    assert.deepEqual(runsToUndo(journalOf([FIRST, idle])), ['first'])
    assert.deepEqual(runsToUndo(journalOf([FIRST, doubtful])), ['doubtful'])
  })

  test('does not wait for a first date, which cannot be taken away, nor for albums, which come back as others', () => {
    const run: TestRun = {
      id: 'run',
      calls: [
        [tags('tag.add', 'checks/a', 'a-1')],
        [{ op: 'date.set', rule: 'dates', to: DATE, precision: 'day', assetIds: ['a-1'], before: [null] }],
        [
          {
            op: 'album.delete',
            rule: 'albums/a',
            album: { id: 'l-1', name: 'Sea' },
            before: { description: '', members: [] },
          },
        ],
      ],
    }
    const undo = undoOf(run, tags('tag.remove', 'checks/a', 'a-1'))
    assert.deepEqual(runsToUndo(journalOf([FIRST, run, undo])), ['first'])
  })
})
