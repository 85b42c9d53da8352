/** Applying over real connections: killed processes, killed servers, lost answers. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { applyPlan } from '../../src/immich/autotag/apply/apply-plan.ts'
import { inversePlan } from '../../src/immich/autotag/apply/inverse-plan.ts'
import type { AutotagApi } from '../../src/immich/autotag/autotag-api.ts'
import { openAutotagState } from '../../src/immich/autotag/state/state-file.ts'
import { fillFake, pictureOf, type Scene, sceneOf, snapshotOf } from '../support/autotag-apply/fake-scene.ts'
import { scratchState } from '../support/autotag-apply/scratch-state.ts'
import { clientOf, closeAll, start } from '../support/autotag-library.ts'
import type { FakeImmich } from '../support/fake-immich/fake-immich.ts'

const PROGRAM = fileURLToPath(new URL('../support/autotag-apply/apply-program.ts', import.meta.url))
const CHANGES = /^(?:PUT|DELETE|POST) \/(?:albums|tags\/|assets)/u
const LIMIT_MS = 60_000
const KILLS = 8

after(closeAll)

async function prepare(
  seed: number,
  options: Parameters<typeof clientOf>[1] = {},
): Promise<{ fake: FakeImmich; api: AutotagApi; scene: Scene }> {
  const fake = await start()
  fillFake(fake, 200)
  const api = clientOf(fake, options)
  return { fake, api, scene: await sceneOf(fake, api, seed) }
}

function changesSeen(fake: FakeImmich): number {
  return fake.requests.filter(({ route }) => CHANGES.test(route)).length
}

describe('a process that applies', () => {
  test('killed at eight moments leaves just the planned state, nothing twice', {
    timeout: 120_000,
  }, async () => {
    const { fake, api, scene } = await prepare(7)
    const folder = mkdtempSync(join(tmpdir(), 'heirloom-crash-'))
    after(() => rmSync(folder, { recursive: true, force: true }))
    const planFile = join(folder, 'plan.json')
    writeFileSync(planFile, JSON.stringify(scene.plan))
    fake.faults.add({ kind: 'latency', ms: 3, jitterMs: 12 })
    const args = [PROGRAM, fake.address, fake.key, folder, fake.user.id, planFile]
    let random = 7
    for (let kills = 0; kills < KILLS; kills += 1) {
      random = (random * 48_271) % 2_147_483_647
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      const exited = once(child, 'exit')
      const changes = fake.callsOf('PUT *') + 1 + (random % 4)
      const first = await Promise.race([exited, fake.untilEnded('PUT *', changes, LIMIT_MS)])
      assert.equal(first, undefined, `it ended before kill ${kills}`)
      child.kill('SIGKILL')
      await exited
    }
    assert.ok(changesSeen(fake) >= KILLS)
    const last = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const result = JSON.parse(await text(last.stdout)) as Record<string, unknown>
    assert.deepEqual([result['undone'], result['differences'], result['stopped']], [[], [], undefined])
    assert.deepEqual(pictureOf(fake), scene.after)
    assert.deepEqual(fake.state.violations, [])

    const state = openAutotagState({ folder, address: api.address, userId: fake.user.id })
    const runs = state.journal.runs()
    state.close()
    assert.deepEqual(
      runs.map(({ status }) => status),
      ['completed'],
    )
  })

  test('refuses to apply while another does, which may still be read', async () => {
    const { fake, api, scene } = await prepare(3)
    using scratch = scratchState({ address: api.address, userId: fake.user.id })
    const other = openAutotagState({ folder: scratch.folder, address: api.address, userId: fake.user.id })
    fake.faults.add({ kind: 'stall', when: 'request', ms: 300, route: 'PUT /tags/assets', times: 1 })
    const running = applyPlan({ api, state: scratch.state, plan: scene.plan })
    await fake.untilEnded('PUT /albums/*', 1)
    await assert.rejects(applyPlan({ api, state: other, plan: scene.plan }), {
      code: 'autotag/apply-in-progress',
      message: new RegExp(`process ${process.pid} `, 'u'),
    })
    assert.deepEqual(
      other.journal.runs().map(({ status }) => status),
      ['running'],
    )
    assert.deepEqual((await running).undone, [])
    other.close()
  })
})

describe('a server', () => {
  test('that is killed and comes back amid a run costs nothing', async () => {
    // Five attempts that wait a millisecond would all be over before it is back.
    const { fake, api, scene } = await prepare(11, { retry: { baseMs: 100 } })
    using scratch = scratchState({ address: api.address, userId: fake.user.id })
    fake.faults.add({ kind: 'latency', ms: 2, jitterMs: 8 })
    const running = applyPlan({ api, state: scratch.state, plan: scene.plan })
    for (const calls of [6, 6]) {
      await fake.untilEnded('*', fake.requests.length + calls)
      await fake.restart(30)
    }
    const result = await running
    assert.deepEqual([result.undone, result.differences, result.run.status], [[], [], 'completed'])
    assert.deepEqual(pictureOf(fake), scene.after)
  })

  test('that loses answers makes no album twice, and no change is called undone', async () => {
    const { fake, api, scene } = await prepare(13)
    using scratch = scratchState({ address: api.address, userId: fake.user.id })
    const { state } = scratch
    for (const route of [
      'POST /albums',
      'PUT /albums/*',
      'DELETE /albums/*',
      'PUT /tags/assets',
      'PUT /assets',
    ]) {
      fake.faults.add({ kind: 'lost-answer', route, probability: 0.3 })
    }
    const result = await applyPlan({ api, state, plan: scene.plan })
    assert.deepEqual([result.undone, result.differences], [[], []])
    assert.deepEqual(pictureOf(fake), scene.after)
    fake.faults.clear()

    const plan = inversePlan({ state, runId: result.run.id, snapshot: await snapshotOf(fake, api) })
    const undo = await applyPlan({ api, state, plan, undoes: result.run.id })
    assert.deepEqual([undo.undone, undo.differences], [[], []])
    const dateless = plan.remarks.flatMap(({ says, assetIds }) => (/had none/u.test(says) ? assetIds : []))
    for (const id of dateless) forgetDate(fake, id)
    assert.deepEqual(pictureOf(fake), scene.before)
  })

  test('sees the calls that the journal has, and no others', async () => {
    const { fake, api, scene } = await prepare(17)
    using scratch = scratchState({ address: api.address, userId: fake.user.id })
    const { state } = scratch
    const result = await applyPlan({ api, state, plan: scene.plan })
    const written = [...state.journal.callsOf(result.run.id)].map(({ step }) => ROUTES[step.op])
    const seen = fake.requests.map(({ route }) => route).filter((route) => CHANGES.test(route))
    assert.deepEqual(countOf(seen), countOf(written))
    assert.ok(written.length > 30)
    assert.deepEqual(result.undone, [])
  })
})

function forgetDate({ state }: FakeImmich, id: string): void {
  const asset = state.assets.get(id)
  if (asset !== undefined) Object.assign(asset, { exif: { ...asset.exif, dateTimeOriginal: null } })
}

const ROUTES: Readonly<Record<string, string>> = {
  'album.create': 'POST /albums',
  'album.add': 'PUT /albums/:id/assets',
  'album.remove': 'DELETE /albums/:id/assets',
  'album.delete': 'DELETE /albums/:id',
  'tag.add': 'PUT /tags/assets',
  'tag.remove': 'DELETE /tags/:id/assets',
  'date.set': 'PUT /assets',
  'asset.set': 'PUT /assets',
  'share.add': 'PUT /albums/:id/users',
  'share.role': 'PUT /albums/:id/user/:userId',
  'share.remove': 'DELETE /albums/:id/user/:userId',
}

function countOf(values: readonly (string | undefined)[]): Record<string, number> {
  const counts = Map.groupBy(values, (value) => value ?? '?')
  return Object.fromEntries([...counts].map(([value, all]) => [value, all.length] as const).toSorted())
}
