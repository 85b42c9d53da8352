import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MemoryServer } from '../../../../test/support/autotag-apply/memory-server.ts'
import {
  anyWish,
  applyByHand,
  fillServer,
  planOf,
  stepsOf,
  twinOf,
} from '../../../../test/support/autotag-apply/sample-plan.ts'
import { type ScratchState, scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { AutotagState } from '../state.ts'
import { applyPlan } from './apply-plan.ts'
import { inversePlan } from './inverse-plan.ts'
import { resumeRun, unfinishedRun } from './resume-run.ts'

const CHANGES = new Set([
  'createTags',
  'tagAssets',
  'untagAssets',
  'createAlbum',
  'addToAlbum',
  'removeFromAlbum',
  'deleteAlbum',
  'addAlbumMembers',
  'setAlbumRole',
  'removeAlbumMember',
  'setDate',
  'setAssets',
])

/** Runs until so many changes have begun; then nothing of this process is ever heard of again. */
async function runUntilDeath(
  server: MemoryServer,
  scratch: ScratchState,
  death: { readonly changes: number; readonly isAfterEffect: boolean },
  run: () => Promise<unknown>,
): Promise<'died' | 'lived'> {
  let left = death.changes
  let isDead = false
  const { promise, resolve } = Promise.withResolvers<'died'>()
  const hook = async ({ name }: { readonly name: string }): Promise<void> => {
    if (!isDead && CHANGES.has(name)) left -= 1
    if (left >= 0 && !isDead) return
    isDead = true
    resolve('died')
    await new Promise(() => undefined)
  }
  if (death.isAfterEffect) server.after = hook
  else server.before = hook
  const end = await Promise.race([promise, run().then((): 'lived' => 'lived')])
  server.after = () => undefined
  server.before = () => undefined
  if (end === 'died') scratch.reopen()
  return end
}

async function finish(state: AutotagState, api: AutotagApi): Promise<void> {
  const unfinished = unfinishedRun(state)
  if (unfinished === undefined) return
  const result = await resumeRun({ api, state, runId: unfinished.id })
  assert.deepEqual([result.undone, result.differences, result.run.status], [[], [], 'completed'])
}

const anyDeath = fc.record({ changes: fc.nat(25), isAfterEffect: fc.boolean() })
const anyDeaths = fc.array(anyDeath, { minLength: 1, maxLength: 4 })

/** Assets in a call: fewer than an album is made with, or as many as there are. */
const anyChunk = fc.constantFrom(3, 7, undefined)

describe('a run that was broken off', () => {
  test('ends in just the planned state, nothing twice, wherever it died and how often', async () => {
    let deathsSeen = 0
    await fc.assert(
      fc.asyncProperty(anyWish, anyDeaths, anyChunk, async (wish, deaths, chunkSize) => {
        const server = new MemoryServer()
        fillServer(server)
        server.chunkSize = chunkSize
        const before = server.picture()
        const snapshot = server.snapshot()
        const steps = stepsOf(snapshot, wish)
        const twin = twinOf(server)
        applyByHand(twin, steps)
        using scratch = scratchState(server)
        const plan = planOf(snapshot, steps)
        const api = server.client()
        for (const death of deaths) {
          const unfinished = unfinishedRun(scratch.state)
          const end = await runUntilDeath(server, scratch, death, async () => {
            if (unfinished !== undefined)
              return await resumeRun({ api, state: scratch.state, runId: unfinished.id })
            if (scratch.state.journal.runs().length > 0) return undefined
            return await applyPlan({ api, state: scratch.state, plan })
          })
          if (end === 'died') deathsSeen += 1
        }
        const { state } = scratch
        await finish(state, api)
        assert.deepEqual(server.picture(), twin.picture())
        assert.equal(unfinishedRun(state), undefined)

        const [run] = state.journal.runs()
        assert.ok(run)
        const inverse = inversePlan({ state, runId: run.id, snapshot: server.snapshot() })
        const undo = await applyPlan({ api, state, plan: inverse, undoes: run.id })
        assert.deepEqual([undo.undone, undo.differences], [[], []])
        const dateless = inverse.remarks.flatMap(({ says, assetIds }) =>
          /had none/u.test(says) ? assetIds : [],
        )
        for (const id of dateless) server.assets.get(id)!.taken = undefined
        assert.deepEqual(server.picture(), before)
      }),
      { numRuns: 15 },
    )
    assert.ok(deathsSeen >= 8, `only ${deathsSeen} deaths`)
  })
})
