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
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import { applyPlan } from './apply-plan.ts'
import { inversePlan } from './inverse-plan.ts'

/** Assets in a call: fewer than an album is made with, or as many as there are. */
const anyChunk = fc.constantFrom(3, 7, undefined)

describe('a plan', () => {
  test('does just what its steps say, and is taken back by its inverse', async () => {
    await fc.assert(
      fc.asyncProperty(anyWish, anyChunk, async (wish, chunkSize) => {
        const server = new MemoryServer()
        fillServer(server)
        server.chunkSize = chunkSize
        const before = server.picture()
        const snapshot = server.snapshot()
        const steps = stepsOf(snapshot, wish)
        const twin = twinOf(server)
        applyByHand(twin, steps)
        using scratch = scratchState(server)
        const { state } = scratch
        const api = server.client()
        const result = await applyPlan({ api, state, plan: planOf(snapshot, steps) })
        assert.deepEqual([result.undone, result.differences, result.run.status], [[], [], 'completed'])
        assert.deepEqual(server.picture(), twin.picture())

        const plan = inversePlan({ state, runId: result.run.id, snapshot: server.snapshot() })
        const undo = await applyPlan({ api, state, plan, undoes: result.run.id })
        assert.deepEqual([undo.undone, undo.differences, undo.run.kind], [[], [], 'undo'])
        const dateless = plan.remarks.flatMap(({ says, assetIds }) =>
          /had none/u.test(says) ? assetIds : [],
        )
        for (const id of dateless) server.assets.get(id)!.taken = undefined
        assert.deepEqual(server.picture(), before)
      }),
      { numRuns: 15 },
    )
  })
})
