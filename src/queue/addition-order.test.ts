import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeirloomError } from '../errors.ts'
import { additionOrder, usesRefs } from './addition-order.ts'
import type { NewTask } from './task.ts'

const bare: NewTask = { kind: 'plain', lane: 'a', payload: null }

/** Task `n` has the ref `n` and depends on those that are listed for it. */
function tasksOf(parents: readonly (readonly number[])[]): readonly NewTask[] {
  return parents.map((refs, n) => ({
    ...bare,
    ref: `${n}`,
    dependsOn: refs.map((ref) => ({ ref: `${ref}` })),
  }))
}

test('an order has each task once, after those that it depends on; a ring that is named is one', () => {
  const graphs = fc
    .integer({ min: 1, max: 8 })
    .chain((size) =>
      fc.array(fc.array(fc.nat({ max: size - 1 }), { maxLength: 2 }), { minLength: size, maxLength: size }),
    )
  const ends = new Set<string>()
  fc.assert(
    fc.property(graphs, (parents) => {
      try {
        const order = additionOrder(tasksOf(parents))
        assert.deepEqual(
          order.toSorted((a, b) => a - b),
          parents.map((_, n) => n),
        )
        for (const [n, refs] of parents.entries()) {
          for (const ref of refs) assert.ok(order.indexOf(ref) < order.indexOf(n))
        }
        ends.add('order')
      } catch (error) {
        assert.ok(error instanceof HeirloomError, String(error))
        const ring = error.message.replace(/^.*: /u, '').split(' → ').map(Number)
        assert.ok(ring.length > 1 && ring.at(0) === ring.at(-1))
        for (const [at, n] of ring.slice(0, -1).entries()) {
          assert.ok(parents[n]?.includes(ring[at + 1] ?? Number.NaN), error.message)
        }
        ends.add('ring')
      }
    }),
  )
  assert.deepEqual([...ends].sort(), ['order', 'ring'])
})

test('tasks that do not depend on each other keep the order of the call', () => {
  assert.deepEqual(additionOrder(tasksOf([[], [3], [], [], [1]])), [0, 3, 1, 2, 4])
})

test('an addition uses refs when a task has one or asks for one', () => {
  assert.equal(usesRefs([bare, { ...bare, dependsOn: [{ taskId: 1 }] }]), false)
  assert.equal(usesRefs([bare, { ...bare, ref: 'a' }]), true)
  assert.equal(usesRefs([{ ...bare, dependsOn: [{ ref: 'a' }] }]), true)
})
