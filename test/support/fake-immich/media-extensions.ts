/**
 * The extensions that an Immich server takes, as `GET /server/media-types` answers them.
 *
 * @module
 */

import { extname } from 'node:path'

export const IMAGE_EXTENSIONS: readonly string[] =
  `.3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mrw .nef .nrw .orf .ori .pef .psd
  .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f .avif .bmp .gif .heic .heif .hif .insp .jpe .jpeg .jpg .jxl .png .svg
  .tif .tiff .webp`.split(/\s+/u)

export const VIDEO_EXTENSIONS: readonly string[] =
  `.3gp .3gpp .avi .flv .insv .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .vob .webm .wmv`.split(/\s+/u)

const IMAGES: ReadonlySet<string> = new Set(IMAGE_EXTENSIONS)
const VIDEOS: ReadonlySet<string> = new Set(VIDEO_EXTENSIONS)

export function kindOf(fileName: string): 'IMAGE' | 'VIDEO' | undefined {
  const extension = extname(fileName).toLowerCase()
  if (IMAGES.has(extension)) return 'IMAGE'
  return VIDEOS.has(extension) ? 'VIDEO' : undefined
}
