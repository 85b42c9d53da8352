import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Lane, type LaneOptions } from './lane.ts'
import type { LaneRunner } from './runner.ts'

const IDLE = { running: 0, kept: 0, tasks: [], hasIdleSlot: true } as unknown as LaneRunner

function wantsOf(options: LaneOptions, tookMs?: number): number {
  const lane = new Lane('l', options, IDLE)
  if (tookMs !== undefined) lane.learn(tookMs)
  return lane.wants
}

describe('what a lane claims ahead', () => {
  test('is nothing while tasks are slow, or nobody knows', () => {
    assert.equal(wantsOf({ concurrency: 3, runsIn: 'worker' }), 3)
    assert.equal(wantsOf({ concurrency: 3, runsIn: 'worker' }, 500), 3)
  })

  test('is two batches of quick tasks for each slot', () => {
    assert.equal(wantsOf({ concurrency: 3, runsIn: 'worker' }, 0.1), 600)
    assert.equal(wantsOf({ concurrency: 3, runsIn: 'worker', batchSize: 16 }, 0.1), 96)
  })

  test('is bounded, however many slots there are', () => {
    assert.equal(wantsOf({ concurrency: 50, runsIn: 'coordinator' }, 0.1), 2_050)
    assert.equal(wantsOf({ concurrency: 5_000, runsIn: 'coordinator' }, 0.1), 7_000)
  })

  test('is nothing of a remote lane, whose window is its concurrency', () => {
    assert.equal(wantsOf({ concurrency: 2_000, runsIn: 'remote' }, 0.1), 2_000)
  })
})
