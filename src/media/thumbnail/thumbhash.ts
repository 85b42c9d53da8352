/**
 * The thumbhash of a picture: some 25 bytes that a blurred placeholder is drawn from.
 *
 * @module
 */

import { rgbaToThumbHash } from 'thumbhash'
import type { Pixels } from './pixels.ts'

/** The library takes up to 100, but keeps seven waves a side: 64 pixels give the same bytes in an eighth of the time. */
const MAX_EDGE_PX = 64

/** https://evanw.github.io/thumbhash/ */
export function thumbhashOf(pixels: Pixels): Uint8Array {
  const { widthPx, heightPx, rgba } = shrinkToRgba(pixels, MAX_EDGE_PX)
  return rgbaToThumbHash(widthPx, heightPx, rgba)
}

interface Rgba {
  readonly widthPx: number
  readonly heightPx: number
  readonly rgba: Uint8Array
}

/** Averages over boxes of whole pixels: good enough for what is blurred anyway. */
export function shrinkToRgba(pixels: Pixels, maxEdgePx: number): Rgba {
  const scale = Math.min(1, maxEdgePx / Math.max(pixels.widthPx, pixels.heightPx))
  const widthPx = Math.max(1, Math.round(pixels.widthPx * scale))
  const heightPx = Math.max(1, Math.round(pixels.heightPx * scale))
  const columns = edges(pixels.widthPx, widthPx)
  const rows = edges(pixels.heightPx, heightPx)
  const rgba = new Uint8Array(widthPx * heightPx * 4)
  for (let y = 0; y < heightPx; y += 1) {
    const [top, bottom] = [rows[y] ?? 0, rows[y + 1] ?? 0]
    for (let x = 0; x < widthPx; x += 1) {
      const box = { left: columns[x] ?? 0, right: columns[x + 1] ?? 0, top, bottom }
      writeAverage(pixels, box, { rgba, at: (y * widthPx + x) * 4 })
    }
  }
  return { widthPx, heightPx, rgba }
}

/** Where `parts` boxes of nearly equal width begin, and the end of the last. */
function edges(length: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, part) => Math.round((part * length) / parts))
}

interface PixelBox {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

interface Place {
  readonly rgba: Uint8Array
  readonly at: number
}

/** Red, green, blue, alpha. Transparent pixels count by their alpha. In plain loops: it runs for each pixel of each picture. */
function writeAverage({ data, widthPx, channels }: Pixels, box: PixelBox, { rgba, at: to }: Place): void {
  let red = 0
  let green = 0
  let blue = 0
  let alpha = 0
  for (let y = box.top; y < box.bottom; y += 1) {
    const end = (y * widthPx + box.right) * channels
    for (let at = (y * widthPx + box.left) * channels; at < end; at += channels) {
      const weight = channels === 4 ? (data[at + 3] as number) : 255
      red += (data[at] as number) * weight
      green += (data[at + 1] as number) * weight
      blue += (data[at + 2] as number) * weight
      alpha += weight
    }
  }
  if (alpha === 0) return
  rgba[to] = Math.round(red / alpha)
  rgba[to + 1] = Math.round(green / alpha)
  rgba[to + 2] = Math.round(blue / alpha)
  rgba[to + 3] = Math.round(alpha / ((box.right - box.left) * (box.bottom - box.top)))
}
