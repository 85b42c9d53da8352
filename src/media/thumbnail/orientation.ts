/**
 * Turns pixels upright by an Exif orientation that does not come with them.
 *
 * @module
 */

import { openPixels, type Pixels, toPixels } from './pixels.ts'
import type { SharpLibrary } from './sharp-library.ts'

/** Exif 2.32, tag 0x0112: 1 is upright; sharp mirrors first and turns (clockwise) then. */
const TURNS: Readonly<
  Record<number, { readonly angle: number; readonly flop?: true; readonly flip?: true }>
> = {
  2: { angle: 0, flop: true },
  3: { angle: 180 },
  4: { angle: 0, flip: true },
  5: { angle: 270, flop: true },
  6: { angle: 90 },
  7: { angle: 90, flop: true },
  8: { angle: 270 },
}

/** True when upright width and height are the stored height and width. */
export function swapsEdges(orientation: number): boolean {
  return orientation >= 5 && orientation <= 8
}

export async function turnUpright(sharp: SharpLibrary, pixels: Pixels, orientation: number): Promise<Pixels> {
  const turn = TURNS[orientation]
  if (turn === undefined) return pixels
  const { angle, flop = false, flip = false } = turn
  return await toPixels(openPixels(sharp, pixels).flop(flop).flip(flip).rotate(angle))
}
