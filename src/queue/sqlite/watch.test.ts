import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Watchers, watchCommits } from './watch.ts'

/** A database of which only the log is there, and the number that its connections see. */
async function fakeDatabase(t: TestContext, { hasLog }: { hasLog: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'queue-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'q.db')
  if (hasLog) await writeFile(`${file}-wal`, '')
  const state = { version: 1, asked: 0 }
  const readVersion = (): number => {
    state.asked += 1
    if (state.version < 0) throw new Error('disk I/O error')
    return state.version
  }
  return { file, state, readVersion, write: () => appendFile(`${file}-wal`, 'x') }
}

test('a commit that can be seen only some time after its write is noticed', async (t) => {
  const { file, state, readVersion, write } = await fakeDatabase(t, { hasLog: true })
  const noticed = new Promise<void>((resolve) => {
    t.after(watchCommits({ file, readVersion }, resolve))
  })
  await write()
  setTimeout(() => {
    state.version = 2
  }, 60)
  await noticed
  assert.ok(state.asked < 30, `asked ${state.asked} times`)
})

test('without news of the log the number is asked for all the time', async (t) => {
  const { file, state, readVersion } = await fakeDatabase(t, { hasLog: false })
  const noticed = new Promise<number>((resolve) => {
    const since = performance.now()
    t.after(watchCommits({ file, readVersion }, () => resolve(performance.now() - since)))
  })
  state.version = 2
  assert.ok((await noticed) < 900)
})

test('a number that cannot be read is no change', async (t) => {
  const { file, state, readVersion } = await fakeDatabase(t, { hasLog: false })
  let changes = 0
  const noticed = new Promise<void>((resolve) => {
    const end = watchCommits({ file, readVersion }, () => {
      changes += 1
      resolve()
    })
    t.after(end)
  })
  state.version = -1
  setTimeout(() => {
    state.version = 2
  }, 60)
  await noticed
  assert.equal(changes, 1)
})

test('watching begins with the first watcher and ends with the last', () => {
  const log: string[] = []
  const watchers = new Watchers(() => {
    log.push('start')
    return () => log.push('stop')
  })
  const ends = [watchers.add(() => log.push('one')), watchers.add(() => log.push('two'))]
  watchers.notify()
  for (const end of ends) end()
  watchers.notify()
  watchers.add(() => log.push('three'))
  watchers.close()
  watchers.notify()
  watchers.add(() => log.push('four'))
  assert.deepEqual(log, ['start', 'one', 'two', 'stop', 'start', 'stop'])
})
