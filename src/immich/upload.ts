/**
 * The applying of an upload's plan: what to ask, and the order of the steps.
 *
 * For each page of the catalog: {@link checkPage}, `planUploads`, then {@link uploadUnit} for each unit; when all are
 * done {@link fillAlbums}, {@link makeStacks}, {@link applyChanges}, {@link verifyAlbums}. Each may be repeated at any
 * time, and after a crash at any point.
 *
 * @module
 */

export { type AlbumDifference, type FilledAlbums, fillAlbums, verifyAlbums } from './upload-albums.ts'
export { type AppliedChanges, applyChanges } from './upload-changes.ts'
export { checkPage } from './upload-check.ts'
export { concernsAllFiles } from './upload-refusals.ts'
export { type MadeStacks, makeStacks } from './upload-stacks.ts'
export {
  LibraryFileError,
  type UnitOptions,
  type UnitResult,
  uploadUnit,
} from './upload-unit.ts'
