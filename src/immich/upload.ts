/**
 * The applying of an upload's plan: what to ask, and the order of the steps.
 *
 * For each page of the catalog: {@link checkPage}, `planUploads`, then {@link uploadUnit} for each unit; when all are
 * done {@link fillAlbums}, {@link makeStacks}, {@link applyChanges}, {@link verifyAlbums}. Each may be repeated at any
 * time, and after a crash at any point.
 *
 * @module
 */

import type { ImmichApi } from './api.ts'
import type { AssetVerdict, UploadFamily } from './upload-asset.ts'
import { checksOf, type UploadPlanOptions, verdictsOf } from './upload-plan.ts'

export { type AlbumDifference, type FilledAlbums, fillAlbums, verifyAlbums } from './upload-albums.ts'
export { type AppliedChanges, applyChanges } from './upload-changes.ts'
export { type MadeStacks, makeStacks } from './upload-stacks.ts'
export {
  concernsAllFiles,
  LibraryFileError,
  type UnitOptions,
  type UnitResult,
  uploadUnit,
} from './upload-unit.ts'

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
