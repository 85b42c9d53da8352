import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget, PATIENCE_MS } from './memory-budget.ts'
import type { ClaimedTask } from './task.ts'

function claimed(id: number, memoryBytes: number): ClaimedTask {
  const task = { id, memoryBytes } as ClaimedTask['task']
  return { task, lease: { taskId: id, attempt: 1, token: 't' }, alone: false }
}

test('a smaller task passes one that does not fit, until that has waited long enough', () => {
  let now = 0
  const budget = new MemoryBudget(100, () => now)
  const running = claimed(1, 50)
  budget.admit(running)
  const buffer = [claimed(2, 90), claimed(3, 10), claimed(4, 0)]
  assert.equal(budget.findFitting(buffer), 1)
  assert.equal(budget.kept, 1)
  now = PATIENCE_MS
  assert.equal(budget.findFitting(buffer), 2, 'only what asks for nothing passes now')
  budget.release(running)
  assert.equal(budget.findFitting(buffer), 0)
})

test('one that exceeds the whole budget runs when nothing else does', () => {
  const budget = new MemoryBudget(100)
  const big = claimed(1, 1_000)
  assert.equal(budget.findFitting([big]), 0)
  budget.admit(big)
  assert.equal(budget.findFitting([claimed(2, 1)]), -1)
})

test('every task gets its turn, and more than one run only within the budget', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(150), { minLength: 1, maxLength: 40 }), fc.nat(), (sizes, seed) => {
      let now = 0
      const budget = new MemoryBudget(100, () => now)
      const buffer = sizes.map((size, index) => claimed(index, size))
      const running: ClaimedTask[] = []
      let rounds = 0
      while (buffer.length + running.length > 0) {
        const index = running.length < 4 ? budget.findFitting(buffer) : -1
        if (index === -1) {
          const [ended] = running.splice((seed + rounds) % Math.max(running.length, 1), 1)
          assert.ok(ended, 'nothing runs and nothing fits')
          budget.release(ended)
          now += 500
        } else {
          const [next] = buffer.splice(index, 1)
          assert.ok(next)
          budget.admit(next)
          running.push(next)
          const sum = running.reduce((bytes, { task }) => bytes + (task.memoryBytes ?? 0), 0)
          const asking = running.filter(({ task }) => (task.memoryBytes ?? 0) > 0).length
          assert.ok(sum <= 100 || asking === 1)
        }
        rounds += 1
      }
    }),
  )
})
