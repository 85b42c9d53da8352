/**
 * How many assets a plan may touch before somebody is asked: a slip in a rule should not rearrange a library.
 *
 * @module
 */

import type { Plan } from '../plan.ts'
import type { ChangeLimit } from '../rules.ts'
import type { Snapshot } from '../snapshot.ts'

/** How far a plan goes beyond the limit; undefined within it. */
export function changeLimit(
  plan: Pick<Plan, 'steps'>,
  snapshot: Pick<Snapshot, 'assets'>,
  limit: ChangeLimit,
): { readonly assets: number; readonly allowed: number } | undefined {
  const assets = countTouched(plan)
  const allowed = allowedAssets(snapshot, limit)
  return assets > allowed ? { assets, allowed } : undefined
}

/** True for a plan that touches more assets than the limit. */
export function exceeds(
  plan: Pick<Plan, 'steps'>,
  snapshot: Pick<Snapshot, 'assets'>,
  limit: ChangeLimit,
): boolean {
  return changeLimit(plan, snapshot, limit) !== undefined
}

/** Each asset once, however many steps touch it. */
export function countTouched({ steps }: Pick<Plan, 'steps'>): number {
  const touched = new Set<string>()
  for (const step of steps) {
    if ('assetIds' in step) for (const id of step.assetIds) touched.add(id)
  }
  return touched.size
}

/** A share is of all assets that were read; of a few assets, one may always be changed. */
export function allowedAssets({ assets }: Pick<Snapshot, 'assets'>, limit: ChangeLimit): number {
  return limit.kind === 'count' ? limit.assets : Math.max(1, Math.floor(assets.size * limit.ofAssets))
}
