/**
 * Why a picture gets no thumbnail. None of these is cured by another attempt at the same file.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'

/** The format is not rendered: what draws by text or script (SVG, PDF), sound, and what no decoder here reads. */
export class UnsupportedPictureError extends HeirloomError {
  readonly code = 'thumbnail/unsupported-format'
  readonly recovery = 'discard'

  constructor(what: string, options: ErrorOptions = {}) {
    super(`no thumbnail is made of ${what}`, options)
  }
}

/** Nothing could be decoded, not even a part. */
export class DamagedPictureError extends HeirloomError {
  readonly code = 'thumbnail/damaged'
  readonly recovery = 'discard'

  constructor(what: string, options: ErrorOptions = {}) {
    super(`picture cannot be decoded: ${what}`, {
      ...options,
      hint: 'Open the file in a viewer; if it is damaged, look for another copy of it.',
    })
  }
}

/** Known from the header, before anything is decoded. */
export class PictureTooLargeError extends HeirloomError {
  readonly code = 'thumbnail/too-large'
  readonly recovery = 'discard'

  constructor(widthPx: number, heightPx: number, maxPixels: number, options: ErrorOptions = {}) {
    super(`picture of ${widthPx} x ${heightPx} pixels has more than the limit of ${maxPixels}`, {
      ...options,
      hint: 'If the picture is to be trusted, raise the limit of pixels and run again.',
    })
  }
}

/** The format is known, but the library or program that reads it is not on this machine. */
export class MissingDecoderError extends HeirloomError {
  readonly code = 'thumbnail/missing-decoder'
  readonly recovery = 'discard'

  constructor(format: string, hint: string, options: ErrorOptions = {}) {
    super(`decoder for ${format} is not installed`, { ...options, hint })
  }
}

/** Throws when a header announces more pixels than are allowed, or none. */
export function checkPixels(widthPx: number, heightPx: number, maxPixels: number): void {
  if (!(widthPx > 0 && heightPx > 0)) throw new DamagedPictureError(`${widthPx} x ${heightPx} pixels`)
  if (widthPx * heightPx > maxPixels) throw new PictureTooLargeError(widthPx, heightPx, maxPixels)
}

/** The message of anything thrown, on one line: decoders write paragraphs. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/gu, ' ').trim().slice(0, 200)
}
