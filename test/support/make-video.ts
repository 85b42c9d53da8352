/**
 * Makes MP4 and MOV files of any size without ffmpeg: real boxes, made-up samples.
 *
 * exiftool and our own reader take them for real and can write into them; no player would show a picture.
 *
 * @module
 */

import { box, type TinyMovie, tinyMovie } from './tiny-mp4.ts'

export interface VideoSpec extends TinyMovie {
  readonly seed: number
  /** Length of the pseudo-random bytes added as a second `mdat`; default 0. */
  readonly payloadBytes?: number
}

/** Same bytes for the same spec; other bytes for every other seed. */
export function makeVideo(spec: VideoSpec): Buffer {
  const payload = noise(spec.seed, Math.max(8, spec.payloadBytes ?? 0))
  return Buffer.concat([tinyMovie(spec), box('mdat', payload)])
}

function noise(seed: number, lengthBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(lengthBytes / 4))
  let state = Math.imul(seed + 1, 0x9e3779b1)
  for (let index = 0; index < words.length; index += 1) {
    // Xorshift: the low bits of a linear congruence would repeat and compress.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return Buffer.from(words.buffer, 0, lengthBytes)
}
