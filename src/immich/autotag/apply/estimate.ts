/**
 * What applying a plan would cost: calls, time, and work that it leaves to the server. Pure.
 *
 * @module
 */

import type { PlanEstimate } from '../autotag-jobs.ts'
import type { Plan, Step, StepOp } from '../plan.ts'
import { type CallSizes, DEFAULT_SIZES } from './call-sizes.ts'
import { assetsOf } from './perform-call.ts'
import { toCalls } from './to-calls.ts'

/** A round trip with its checks; measured on 3.1.0 and seen through a home network. */
const CALL_MS = 80
/** For each asset of a call, measured on 3.1.0: tags 12 to 27, albums 1,000 in 100 ms, `PUT /assets` 1,000 in 570 ms. */
const ASSET_MS: Readonly<Partial<Record<StepOp, number>>> = {
  'tag.add': 20,
  'tag.remove': 20,
  'album.create': 0.1,
  'album.add': 0.1,
  'album.remove': 0.1,
  'date.set': 0.6,
  'asset.set': 0.6,
}
/** Calls of a kind that the limiter lets through at a time once it trusts the server. */
const AT_A_TIME: Readonly<Record<string, number>> = { tag: 3, album: 2, date: 4, asset: 4, share: 2 }

/** The server writes a sidecar file for each asset of such a call, and reads it again. */
const WRITES_SIDECARS: ReadonlySet<StepOp> = new Set(['tag.add', 'tag.remove', 'date.set', 'asset.set'])

export function estimate(plan: Pick<Plan, 'steps'>, sizes: CallSizes = DEFAULT_SIZES): PlanEstimate {
  const calls: Record<string, number> = {}
  const workMs: Record<string, number> = {}
  let total = 0
  let serverJobs = 0
  for (const { steps } of toCalls(plan.steps, sizes)) {
    const [{ op }] = steps
    const kind = kindOf(op)
    const assets = assetsOf(steps).length
    calls[kind] = (calls[kind] ?? 0) + 1
    workMs[kind] = (workMs[kind] ?? 0) + CALL_MS + assets * (ASSET_MS[op] ?? 0)
    total += 1
    if (WRITES_SIDECARS.has(op)) serverJobs += assets
  }
  const ms = Object.entries(workMs).reduce((sum, [kind, work]) => sum + work / (AT_A_TIME[kind] ?? 1), 0)
  return { calls, total, ms: Math.round(ms), serverJobs }
}

/** What it changes: `tag`, `album`, `date`, `asset`, `share`. */
function kindOf(op: Step['op']): string {
  return op.slice(0, op.indexOf('.'))
}
