import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLogger } from '../logger.ts'
import { TypedEmitter } from './events.ts'
import type { ManagerEvents } from './manager-governor.ts'
import { logEvents } from './queue-log.ts'

const task = { id: 7, kind: 'thumbnail', lane: 'default' }
const settled = { task, attempt: 2, failures: 1, maxRetries: 3, durationMs: 12.4 }
const error = { code: 'bug/Error', message: 'no paper', recovery: 'retry' } as const
const resized = { lane: 'default', from: 4, to: 2, reason: 'memory is 87.3 % full' }
const memory = { percent: 87.26, usedBytes: 8_726, limitBytes: 10_000, source: 'host', reason: 'r' } as const

type Emit = (events: TypedEmitter<ManagerEvents>) => void

describe('logEvents', () => {
  const cases: { line: string; emit: Emit; fields: Record<string, unknown> }[] = [
    {
      line: 'debug task completed',
      emit: (events) => events.emit('task.settled', { ...settled, status: 'completed' }),
      fields: { taskId: 7, kind: 'thumbnail', lane: 'default', durationMs: 12 },
    },
    {
      line: 'info task retry',
      emit: (events) => events.emit('task.settled', { ...settled, status: 'retry', error, retryAt: 1_000 }),
      fields: {
        taskId: 7,
        retry: 1,
        maxRetries: 3,
        retryAt: '1970-01-01T00:00:01.000Z',
        code: 'bug/Error',
        error: 'no paper',
      },
    },
    {
      line: 'warn task failed',
      emit: (events) => events.emit('task.settled', { ...settled, failures: 4, status: 'failed', error }),
      fields: { taskId: 7, retries: 3, error: 'no paper' },
    },
    {
      line: 'info task cancelled',
      emit: (events) => events.emit('task.settled', { ...settled, status: 'cancelled' }),
      fields: { taskId: 7 },
    },
    {
      line: 'warn task was taken over',
      emit: (events) => events.emit('task.settled', { ...settled, status: 'stale' }),
      fields: { taskId: 7 },
    },
    {
      line: 'warn memory high',
      emit: (events) => events.emit('memory.pressure', memory),
      fields: { percent: 87.3, usedBytes: 8_726, limitBytes: 10_000 },
    },
    {
      line: 'info memory relieved',
      emit: (events) => events.emit('memory.relieved', memory),
      fields: { percent: 87.3 },
    },
    {
      line: 'warn workers reduced',
      emit: (events) => events.emit('pool.resized', { ...resized, cause: 'memory' }),
      fields: { from: 4, to: 2, reason: 'memory is 87.3 % full' },
    },
    {
      line: 'info workers grown',
      emit: (events) => events.emit('pool.resized', { ...resized, from: 2, to: 3, cause: 'memory' }),
      fields: { from: 2, to: 3 },
    },
    {
      line: 'debug workers reduced',
      emit: (events) => events.emit('pool.resized', { ...resized, cause: 'depth' }),
      fields: { from: 4, to: 2 },
    },
    {
      line: 'warn worker replaced',
      emit: (events) =>
        events.emit('worker.replaced', {
          pid: 9,
          lane: 'default',
          bytes: 300,
          limitBytes: 256,
          killed: false,
          reason: 'keeps too much',
        }),
      fields: { pid: 9, bytes: 300, limitBytes: 256, killed: false, reason: 'keeps too much' },
    },
    {
      line: 'warn worker died',
      emit: (events) =>
        events.emit('worker.exited', { lane: 'default', pid: 9, reason: 'crashed', how: 'signal SIGSEGV' }),
      fields: { pid: 9, reason: 'crashed', how: 'signal SIGSEGV' },
    },
    {
      line: 'debug worker exited',
      emit: (events) =>
        events.emit('worker.exited', { lane: 'default', pid: 9, reason: 'idle', how: 'exit code 0' }),
      fields: { reason: 'idle' },
    },
    {
      line: 'error queue failed',
      emit: (events) => events.emit('queue.failed', { error: new TypeError('no such column') }),
      fields: { code: 'bug/TypeError', error: 'no such column' },
    },
  ]
  for (const { line, emit, fields } of cases) {
    test(line, () => {
      const events = new TypedEmitter<ManagerEvents>()
      const lines: string[] = []
      const end = logEvents(
        events,
        createLogger({ level: 'debug', write: (text) => lines.push(text), now: () => 0 }),
      )
      emit(events)
      end()
      emit(events)
      assert.equal(lines.length, 1)
      const { level, message, ...rest } = JSON.parse(lines[0] ?? '{}')
      assert.equal(`${level} ${message}`, line)
      const found = Object.fromEntries(Object.keys(fields).map((name) => [name, rest[name]]))
      assert.deepEqual(found, fields)
    })
  }
})
