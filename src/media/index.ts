/**
 * `heirloom/media`: what a media file is, what it says of itself, and how to make it say more.
 *
 * @module
 */

export { type DateQuestion, decideTaken } from './dates.ts'
export { type ExiftoolOptions, type ExiftoolTool, exiftoolTool } from './exiftool/exiftool-tool.ts'
export {
  correctExtension,
  extensionOf,
  FORMATS,
  formatById,
  formatByName,
  type MediaFormat,
  type MediaKind,
  type MetadataCarrier,
} from './formats.ts'
export { IDENTIFY_BYTES, identify, isMisnamed } from './identify.ts'
export type { ReadAt } from './isobmff/boxes.ts'
export { isWritableMovie, spliceMovieFile } from './isobmff/movie-file.ts'
export { type MovieHeader, readMovieHeader } from './isobmff/movie-header.ts'
export { type MovieSpliceOptions, planMovieSplice } from './isobmff/movie-splice.ts'
export { isTruncatedJpeg } from './jpeg/jpeg-end.ts'
export { readJpegMetadata } from './jpeg/jpeg-reader.ts'
export { planJpegSplice } from './jpeg/jpeg-splice.ts'
export type {
  EmbeddedMetadata,
  EvidenceSource,
  MetadataPatch,
  Position,
  Precision,
  Taken,
  TakenEvidence,
  WantedMetadata,
} from './metadata.ts'
export type { MetadataTool, WriteOutcome } from './metadata-file.ts'
export {
  applyPatch,
  type FileProblem,
  type PatchRequest,
  type ReadRequest,
  type ReadResult,
  readEmbedded,
} from './place.ts'
export { planPatch } from './plan-patch.ts'
export { applySpliceInPlace, canSpliceInPlace } from './splice-in-place.ts'
export { type Splice, type SplicePart, type SplicePlan, sliceParts } from './splice-parts.ts'
export { readXmp } from './xmp/xmp-reader.ts'
export { createXmpSidecar } from './xmp/xmp-writer.ts'
