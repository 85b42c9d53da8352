/**
 * Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of two gray pictures of equal size.
 *
 * Windows of 8 x 8 pixels with equal weights, every fourth pixel; the mean over all windows. Written here because it
 * is thirty lines; `src/media/thumbnail/quality.test.ts` checks it against values that follow from the formula.
 *
 * @module
 */

export interface GrayPicture {
  readonly widthPx: number
  readonly heightPx: number
  /** One byte a pixel, row by row. */
  readonly data: Uint8Array
}

const WINDOW = 8
const STEP = 4
const PIXELS = WINDOW * WINDOW
/** (0.01 x 255)² and (0.03 x 255)², as in the paper. */
const C1 = 6.5025
const C2 = 58.5225

/** 1 for equal pictures, down to -1. */
export function ssim(one: GrayPicture, other: GrayPicture): number {
  const { widthPx, heightPx } = one
  if (widthPx !== other.widthPx || heightPx !== other.heightPx) {
    throw new RangeError(`${widthPx} x ${heightPx} against ${other.widthPx} x ${other.heightPx} pixels`)
  }
  let sum = 0
  let windows = 0
  for (let top = 0; top + WINDOW <= heightPx; top += STEP) {
    for (let left = 0; left + WINDOW <= widthPx; left += STEP) {
      sum += ssimOfWindow(one.data, other.data, top * widthPx + left, widthPx)
      windows += 1
    }
  }
  return sum / windows
}

function ssimOfWindow(one: Uint8Array, other: Uint8Array, start: number, widthPx: number): number {
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0]
  for (let row = 0; row < WINDOW; row += 1) {
    const from = start + row * widthPx
    for (let at = from; at < from + WINDOW; at += 1) {
      const a = one[at] as number
      const b = other[at] as number
      sumA += a
      sumB += b
      sumAA += a * a
      sumBB += b * b
      sumAB += a * b
    }
  }
  const [meanA, meanB] = [sumA / PIXELS, sumB / PIXELS]
  const varianceA = sumAA / PIXELS - meanA * meanA
  const varianceB = sumBB / PIXELS - meanB * meanB
  const covariance = sumAB / PIXELS - meanA * meanB
  const luminance = (2 * meanA * meanB + C1) / (meanA * meanA + meanB * meanB + C1)
  return (luminance * (2 * covariance + C2)) / (varianceA + varianceB + C2)
}
