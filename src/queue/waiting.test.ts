import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Joining, type WaitGraph, wouldWaitForItself } from './waiting.ts'

/** Tasks that are all open, by id from 0 on. */
function graphOf(tasks: readonly Joining[], onQuestion: () => void = () => undefined): WaitGraph {
  const members = (name: string): number[] => [...tasks.keys()].filter((id) => tasks[id]?.group === name)
  return {
    dependenciesOf: (id) => {
      onQuestion()
      return tasks[id]?.dependsOn ?? []
    },
    groupOf: (id) => tasks[id]?.group,
    groupAwaitedBy: (id) => tasks[id]?.afterGroup,
    waitingIn: (name) =>
      members(name).filter((id) => {
        const task = tasks[id]
        return task !== undefined && (task.dependsOn.length > 0 || task.afterGroup !== undefined)
      }),
    isAwaited: (name) => tasks.some(({ afterGroup }) => afterGroup === name),
  }
}

/** Whether a task, the last one say, waits for itself: by walking everything that it waits for. */
function waitsForItself(tasks: readonly Joining[], start: number): boolean {
  const waitsFor = (id: number): number[] => {
    const { dependsOn = [], afterGroup } = tasks[id] ?? {}
    const members = [...tasks.keys()].filter((member) => tasks[member]?.group === afterGroup)
    return [...dependsOn, ...(afterGroup === undefined ? [] : members)]
  }
  const seen = new Set(waitsFor(start))
  for (const id of seen) for (const next of waitsFor(id)) seen.add(next)
  return seen.has(start)
}

const name = fc.option(fc.constantFrom('g', 'h', 'i', 'j'), { nil: undefined })
const joining = fc.record({
  group: name,
  afterGroup: name,
  back: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
})

test('exactly those tasks are refused that would wait for themselves', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(joining, { maxLength: 30, size: 'max' }), (additions) => {
      const tasks: Joining[] = []
      for (const { group, afterGroup, back } of additions) {
        const dependsOn = [...new Set(back.map((by) => tasks.length - by))].filter((id) => id >= 0)
        const task: Joining = {
          dependsOn,
          ...(group === undefined ? {} : { group }),
          ...(afterGroup === undefined ? {} : { afterGroup }),
        }
        const isRefused = wouldWaitForItself(task, graphOf(tasks))
        assert.equal(isRefused, waitsForItself([...tasks, task], tasks.length))
        refused += Number(isRefused)
        if (!isRefused) tasks.push(task)
      }
    }),
    { numRuns: 300 },
  )
  assert.ok(refused > 0)
})

test('a chain in a group that is awaited is not walked again for each task that joins it', () => {
  const tasks: Joining[] = [
    { group: 'g', dependsOn: [] },
    { afterGroup: 'g', dependsOn: [] },
  ]
  let questions = 0
  for (let length = 0; length < 500; length += 1) {
    const task: Joining = { group: 'g', dependsOn: length === 0 ? [0] : [tasks.length - 1] }
    assert.equal(
      wouldWaitForItself(
        task,
        graphOf(tasks, () => (questions += 1)),
      ),
      false,
    )
    tasks.push(task)
  }
  assert.ok(questions < 1_000, `${questions} questions`)
})
