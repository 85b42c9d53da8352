/**
 * What the compiler refuses and infers. The lines marked `@ts-expect-error` are tests of `npm run types`: it fails
 * when one of them is accepted. Nothing here has to run, so most of it is a function that nobody calls.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskContext } from './handler.ts'
import { QueueManager } from './queue-manager.ts'

const handlers = {
  thumbnail: async ({ path, width }: { path: string; width: number }, { progress }: TaskContext) => {
    progress(0.5)
    return { path, bytes: width }
  },
  sweep: async () => 'swept',
  note: async (text?: string) => text?.length ?? 0,
}

const manager = (): QueueManager<typeof handlers> => new QueueManager<typeof handlers>({ file: ':memory:' })

async function accepts(): Promise<void> {
  const queue = manager()
  const id: number = await queue.addTask({
    kind: 'thumbnail',
    payload: { path: 'a.jpg', width: 256 },
    priority: 3,
  })
  await queue.addTask({ kind: 'sweep' })
  await queue.addTasks([
    { kind: 'note', payload: 'x' },
    { kind: 'note' },
    { kind: 'sweep', dependsOn: [{ taskId: id }] },
  ])
  await queue.schedule({ name: 'nightly', cron: '0 3 * * *', task: { kind: 'sweep' } })
  const task = await queue.getTaskStatus(id)
  if (task?.kind === 'thumbnail') {
    const width: number = task.payload.width
    const bytes: number | undefined = task.result?.bytes
    assert.ok(width !== bytes)
  }
  // Kinds are read off handlers that are given, too.
  const inline = new QueueManager({ file: ':memory:', handlers })
  await inline.addTask({ kind: 'note', payload: 'x' })
  // Nothing is known of the tasks of a manager without handlers.
  await new QueueManager({ file: ':memory:' }).addTask({ kind: 'whatever', payload: [1] })
}

async function refuses(): Promise<void> {
  const queue = manager()
  // @ts-expect-error nobody handles this kind
  await queue.addTask({ kind: 'thumbnial', payload: { path: 'a.jpg', width: 256 } })
  // @ts-expect-error a width is missing
  await queue.addTask({ kind: 'thumbnail', payload: { path: 'a.jpg' } })
  // @ts-expect-error a width is a number
  await queue.addTask({ kind: 'thumbnail', payload: { path: 'a.jpg', width: '256' } })
  // @ts-expect-error a thumbnail needs a payload
  await queue.addTask({ kind: 'thumbnail' })
  // @ts-expect-error a priority is a number
  await queue.addTask({ kind: 'sweep', priority: 'high' })
  // @ts-expect-error one wrong kind among others
  await queue.addTasks([{ kind: 'sweep' }, { kind: 'sleep' }])
  // @ts-expect-error a schedule's task has no due time of its own
  await queue.schedule({ name: 'nightly', cron: '0 3 * * *', task: { kind: 'sweep', runAt: 1 } })
  const task = await queue.getTaskStatus(1)
  // @ts-expect-error of which kind is not known yet
  assert.ok(task?.result?.bytes)
  const inline = new QueueManager({ file: ':memory:', handlers })
  // @ts-expect-error nobody handles this kind, of the handlers given
  await inline.addTask({ kind: 'other' })
  // @ts-expect-error handlers are functions
  assert.throws(() => new QueueManager({ file: ':memory:', handlers: { ping: 1 } }))
}

test('the types above hold, or `npm run types` fails', () => {
  assert.equal(typeof accepts, typeof refuses)
})
