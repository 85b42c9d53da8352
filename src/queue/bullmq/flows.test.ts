import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type PreparedTask, prepareTask } from '../new-task.ts'
import { deferredFailure, fateOf, planFlow, refId, SecondDependantError, skipField } from './flows.ts'

/** `parents[i]` are the indexes that task i depends on. */
function tasksOf(parents: readonly (readonly number[])[]): readonly PreparedTask[] {
  return parents.map((indexes) => {
    const dependsOn = indexes.map((index) => ({ ref: `${index}` }))
    return prepareTask({ kind: 'k', lane: 'l', payload: null, dependsOn }, 0, (ref) => refId(Number(ref)))
  })
}

describe('planFlow', () => {
  test('every parent of BullMQ comes before its children, and what is ready keeps its order', () => {
    // Task i is a dependency of the task that is drawn for it, or of none: a forest.
    const forest = fc
      .array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 30 })
      .map((drawn) => drawn.map((by, index) => (by === undefined || index === 0 ? undefined : by % index)))
    fc.assert(
      fc.property(forest, (dependantOf) => {
        const parents = dependantOf.map((_, task) =>
          [...dependantOf.keys()].filter((index) => dependantOf[index] === task),
        )
        const order = [...dependantOf.keys()].reverse()
        const { waiting, ready, edges } = planFlow({ tasks: tasksOf(parents), order, open: new Set() })
        const place = new Map([...waiting, ...ready].map((index, at) => [index, at]))
        assert.equal(place.size, dependantOf.length)
        for (const [index, dependant] of dependantOf.entries()) {
          assert.equal(edges.get(index)?.dependant, dependant)
          if (dependant !== undefined) assert.ok((place.get(dependant) ?? 0) < (place.get(index) ?? 0))
        }
        assert.deepEqual(
          ready,
          [...ready].sort((a, b) => a - b),
        )
      }),
    )
  })

  test('a dependency that exists and has ended is not waited for', () => {
    const dependsOn = [{ taskId: 7 }, { taskId: 8 }]
    const task = prepareTask({ kind: 'k', lane: 'l', payload: null, dependsOn }, 0)
    const { waiting, attached } = planFlow({ tasks: [task], order: [0], open: new Set([8]) })
    assert.deepEqual([waiting, [...attached.keys()]], [[0], [8]])
  })

  test('two that depend on one are refused', () => {
    assert.throws(
      () => planFlow({ tasks: tasksOf([[], [0], [0]]), order: [0, 1, 2], open: new Set() }),
      SecondDependantError,
    )
  })
})

describe('fateOf', () => {
  const defa = deferredFailure('h:a:t7')
  const idOf = (key: string): number => Number(key.split(':t')[1])

  test('a job without a deferred failure may run', () => assert.equal(fateOf({ name: 'x' }, idOf), undefined))

  test('a failed child fails its parent, or cancels it when the edge says so', () => {
    assert.deepEqual(fateOf({ defa }, idOf), {
      status: 'failed',
      error: {
        code: 'queue/dependency-failed',
        message: 'task 7, which it depends on, failed',
        recovery: 'discard',
      },
    })
    assert.equal(fateOf({ defa, [skipField('h:a:t7')]: '1' }, idOf)?.status, 'cancelled')
    assert.equal(fateOf({ defa, [skipField('h:a:t8')]: '1' }, idOf)?.status, 'failed')
  })
})
