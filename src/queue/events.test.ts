import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypedEmitter } from './events.ts'

test('what a listener throws is thrown on, past whoever emitted and past the other listeners', (t) => {
  const later: (() => void)[] = []
  t.mock.method(globalThis, 'queueMicrotask', (callback: () => void) => later.push(callback))
  const events = new TypedEmitter<{ done: number }>()
  const heard: number[] = []
  events.on('done', () => {
    throw new Error('a bug of the listener')
  })
  events.on('done', (value) => heard.push(value))
  events.emit('done', 7)
  assert.deepEqual(heard, [7])
  assert.equal(later.length, 1)
  assert.throws(() => later[0]?.(), /a bug of the listener/u)
})
