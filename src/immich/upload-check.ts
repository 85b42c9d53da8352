/**
 * What the server has of a page of the catalog.
 *
 * @module
 */

import type { ImmichApi } from './api.ts'
import type { AssetVerdict, UploadFamily } from './upload-asset.ts'
import { checksOf, type UploadPlanOptions, verdictsOf } from './upload-plan.ts'

/** Asks the server about a page of the catalog; says nothing when there is nothing to ask. */
export async function checkPage(
  families: readonly UploadFamily[],
  api: ImmichApi,
  options: UploadPlanOptions,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, AssetVerdict>> {
  const checks = checksOf(families, options)
  if (checks.length === 0) return new Map()
  return verdictsOf(checks, await api.checkUploads(checks, signal))
}
