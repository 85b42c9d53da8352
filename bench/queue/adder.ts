/**
 * Adds a task to the queue file of another process whenever it is told to, and answers when it began to.
 *
 * @module
 */

import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'

const backend = await openSqliteBackend({ file: process.argv[2] ?? '', durability: 'process' })
process.on('message', () => void add())
process.send?.('ready')

async function add(): Promise<void> {
  const at = performance.timeOrigin + performance.now()
  await backend.add([{ kind: 'noop', lane: 'noop', payload: null }])
  process.send?.(at)
}
