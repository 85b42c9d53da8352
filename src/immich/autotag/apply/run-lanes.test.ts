/** The order of a run: what must come before what, and what need not. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryServer } from '../../../../test/support/autotag-apply/memory-server.ts'
import { dateText, planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import { ForbiddenError, NotFoundError, RejectedError, ServerFailedError } from '../../immich-errors.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { Step } from '../plan.ts'
import { applyPlan } from './apply-plan.ts'
import { createCallGate } from './call-gate.ts'
import { resumeRun } from './resume-run.ts'

const RULE = 'moves/x'

/** Assets that move from a tag and an album to others. */
function moving(count: number): {
  server: MemoryServer
  ids: readonly string[]
  steps: readonly Step[]
} {
  const server = new MemoryServer()
  const ids = Array.from({ length: count }, () => server.addAsset().id)
  const from = server.addTag('old').id
  for (const id of ids) server.assets.get(id)?.tagIds.add(from)
  const inbox = server.addAlbum('Inbox', ids)
  const home = server.addAlbum('Home')
  const before = ids.map((id) => dateText(server.assets.get(id)?.taken?.atMs ?? 0))
  const steps: readonly Step[] = [
    { op: 'album.add', rule: RULE, album: { id: home.id, name: 'Home' }, assetIds: ids },
    { op: 'tag.add', rule: RULE, tag: 'new', assetIds: ids },
    { op: 'tag.remove', rule: RULE, tag: 'old', assetIds: ids },
    { op: 'date.set', rule: 'dates', to: dateText(0), precision: 'day', assetIds: ids, before },
    { op: 'album.remove', rule: RULE, album: { id: inbox.id, name: 'Inbox' }, assetIds: ids },
  ]
  return { server, ids, steps }
}

const TAKES: ReadonlySet<keyof AutotagApi> = new Set(['untagAssets', 'removeFromAlbum'])
const GIVES: ReadonlySet<keyof AutotagApi> = new Set(['tagAssets', 'addToAlbum', 'setDate'])

describe('a run', () => {
  test('takes nothing before all is given, and gives different things at the same time', async () => {
    const { server, steps } = moving(30)
    server.chunkSize = 4
    let [giving, most, wereTaken] = [0, new Set<string>(), false]
    const kinds = new Map<string, number>()
    server.before = async ({ name }) => {
      if (TAKES.has(name)) {
        wereTaken = true
        assert.equal(giving, 0, 'taken while something was being given')
      }
      if (!GIVES.has(name)) return
      assert.ok(!wereTaken)
      giving += 1
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
      const now = new Set([...kinds].flatMap(([kind, count]) => (count > 0 ? [kind] : [])))
      if (now.size > most.size) most = now
      await new Promise((resolve) => setImmediate(resolve))
    }
    server.after = ({ name }) => {
      if (!GIVES.has(name)) return
      giving -= 1
      kinds.set(name, (kinds.get(name) ?? 0) - 1)
    }
    using scratch = scratchState(server)
    const plan = planOf(server.snapshot(), steps)
    const result = await applyPlan({ api: server.client(), state: scratch.state, plan })
    assert.deepEqual([result.undone, result.run.status, most.size], [[], 'completed', 3])
    assert.deepEqual([server.tagged('old').length, server.albumNamed('Inbox')?.assetIds.size], [0, 0])
  })

  for (const { name, error } of [
    { name: 'tagAssets', error: new ForbiddenError('tagging', 'tag.asset') },
    { name: 'createTags', error: new ForbiddenError('making a tag', 'tag.create') },
    { name: 'addToAlbum', error: new RejectedError('adding', 'no', 400) },
    { name: 'addToAlbum', error: new NotFoundError('adding', 'no album.read access', 400) },
    {
      name: 'addToAlbum',
      error: new ServerFailedError('adding', 'oops', { kind: 'status', status: 500 }),
    },
  ] as const) {
    test(`takes nothing from what ${name} did not get: ${error.code}`, async () => {
      const { server, ids, steps } = moving(3)
      server.before = (call) => {
        if (call.name === name) throw error
      }
      using scratch = scratchState(server)
      const api = server.client()
      const plan = planOf(server.snapshot(), steps)
      const result = await applyPlan({ api, state: scratch.state, plan })
      assert.equal(server.tagged('old').length, 3)
      assert.deepEqual([...(server.albumNamed('Inbox')?.assetIds ?? [])], ids)
      if (error instanceof ServerFailedError) assert.equal(result.run.status, 'interrupted')
      else assert.match(result.undone.map(({ message }) => message).join('\n'), /nothing is taken from it/u)
      // Nor by a second attempt that fails in the same way.
      await resumeRun({ api, state: scratch.state, runId: result.run.id })
      assert.equal(server.tagged('old').length, 3)
      assert.equal(server.albumNamed('Inbox')?.assetIds.size, 3)
    })
  }

  test('takes nothing from what was to go into an album that somebody has deleted', async () => {
    const { server, steps } = moving(3)
    const plan = planOf(server.snapshot(), steps)
    server.albums.delete(server.albumNamed('Home')?.id ?? '')
    using scratch = scratchState(server)
    await applyPlan({ api: server.client(), state: scratch.state, plan })
    assert.equal(server.albumNamed('Inbox')?.assetIds.size, 3)
  })

  test('takes from the others', async () => {
    const { server, ids, steps } = moving(3)
    const [gone = ''] = ids
    using scratch = scratchState(server)
    const plan = planOf(server.snapshot(), steps)
    server.assets.delete(gone)
    await applyPlan({ api: server.client(), state: scratch.state, plan })
    assert.equal(server.tagged('old').length, 0)
    assert.equal(server.albumNamed('Inbox')?.assetIds.size, 0)
  })

  test('cuts a call by what was learnt from the one before it', async () => {
    const { server, steps } = moving(100)
    using scratch = scratchState(server)
    let size = 10
    const api: AutotagApi = { ...server.client(), chunkSize: () => size, room: () => 1 }
    server.after = ({ name }) => {
      if (name === 'tagAssets') size = 45
    }
    const plan = planOf(
      server.snapshot(),
      steps.filter(({ op }) => op === 'tag.add'),
    )
    await applyPlan({ api, state: scratch.state, plan })
    const sizes = server.log.flatMap(({ name, args }) =>
      name === 'tagAssets' ? [(args[1] as readonly string[]).length] : [],
    )
    assert.deepEqual(sizes, [10, 45, 45])
  })
})

describe('the gate', () => {
  test('lets as many in as the client sends at a time, and more when that goes up', async () => {
    let room = 1
    const gate = createCallGate({ room: () => room }, 5)
    const inside: (() => void)[] = []
    const enter = async (kind: 'tag' | 'untag' | 'album'): Promise<void> => {
      inside.push(await gate.enter(kind))
    }
    const settle = async (): Promise<number> => {
      await new Promise((resolve) => setImmediate(resolve))
      return inside.length
    }
    for (let at = 0; at < 4; at += 1) void enter('tag')
    void enter('untag')
    assert.equal(await settle(), 1)
    void enter('album')
    assert.equal(await settle(), 2)
    room = 3
    inside.shift()?.()
    assert.equal(await settle(), 4)
    room = 9
    for (let at = 0; at < 4; at += 1) void enter('album')
    assert.equal(await settle(), 5)
  })
})
