/**
 * An `.xmp` file of the user's own: read as text, and added to without losing what we do not know.
 *
 * Developing settings, masks and face regions are somebody's work. What cannot be parsed is never rewritten.
 *
 * @module
 */

import { TextDecoder } from 'node:util'
import type { EmbeddedMetadata, MetadataPatch } from '../metadata.ts'
import { BrokenXmpError } from './xmp-packet.ts'
import { readXmp } from './xmp-reader.ts'
import { patchXmp } from './xmp-writer.ts'

/** Sidecars with masks and developing history reach some MB. */
export const MAX_SIDECAR_BYTES: number = 16 * 1024 * 1024

/** XMP is UTF-8 nearly always; UTF-16 is told by its byte order mark. What is neither becomes U+FFFD. */
export function decodeXmp(bytes: Buffer): string {
  return decoderFor(bytes, false).decode(bytes)
}

export interface MergedSidecar {
  readonly bytes: Buffer
  /** False when the file could not be parsed: `bytes` are the original ones, and the patch is not in them. */
  readonly merged: boolean
}

/**
 * The file with what is missing in it added.
 *
 * @param plan - What to add to a packet that says this; undefined for nothing.
 * @returns The very bytes of `original` when there is nothing to add.
 */
export function mergeSidecar(
  original: Buffer,
  plan: (own: EmbeddedMetadata) => MetadataPatch | undefined,
): MergedSidecar {
  try {
    const text = decoderFor(original, true).decode(original)
    const patch = plan(readXmp(text))
    const patched = patch === undefined ? undefined : patchXmp(text, patch)
    return { bytes: patched === undefined ? original : Buffer.from(patched), merged: true }
  } catch (error) {
    // The decoder throws a TypeError for bytes that are no text.
    if (error instanceof BrokenXmpError || isUndecodable(error)) return { bytes: original, merged: false }
    throw error
  }
}

function isUndecodable(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
}

function decoderFor([first, second]: Buffer, fatal: boolean): TextDecoder {
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le', { fatal })
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be', { fatal })
  return new TextDecoder('utf-8', { fatal })
}
