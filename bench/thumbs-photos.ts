/**
 * The photos of the `thumbs` benchmark: 12 and 24 megapixels, as large as those of phones and cameras.
 *
 * What a decoder and an encoder cost depends on what is in the picture, so a gradient will not do: noise in octaves, whose
 * amplitude falls with the frequency as in nature, sharp edges and lettering above it, and grain. A few are painted and
 * encoded; the others are derived from them, so that bytes and pixels of all files differ (see `make-photo.ts`).
 *
 * @module
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { derivePhoto, makePhoto } from '../test/support/make-photo.ts'
import { keptInput, type MadeInput } from './workspace.ts'

export interface PhotoSize {
  readonly name: string
  readonly widthPx: number
  readonly heightPx: number
}

export const PHOTO_SIZES: readonly PhotoSize[] = [
  { name: '12 MP', widthPx: 4000, heightPx: 3000 },
  { name: '24 MP', widthPx: 6000, heightPx: 4000 },
]

export interface PhotoFacts {
  readonly photos: number
  readonly bytes: number
}

const BASES = 6
const BYTES_PER_PIXEL = 0.3
/** Part of the cache's key: a change of the recipe makes new photos. */
const RECIPE = 3

export async function thumbPhotos(size: PhotoSize, photos: number): Promise<MadeInput<PhotoFacts>> {
  const { widthPx, heightPx } = size
  const neededBytes = photos * widthPx * heightPx * BYTES_PER_PIXEL
  return await keptInput('thumbs', { size, photos, RECIPE }, neededBytes, async (folder) => {
    const thumbnail = await makePhoto({ widthPx: 160, heightPx: 120, seed: 1, grain: 4 })
    const bases: Buffer[] = []
    for (let seed = 0; seed < Math.min(BASES, photos); seed += 1) bases.push(await paintPhoto(size, seed))
    let bytes = 0
    for (let index = 0; index < photos; index += 1) {
      // Every fourth was taken upright.
      const orientation = index % 4 === 3 ? 6 : 1
      const photo = derivePhoto(bases[index % bases.length]!, index, {
        thumbnail,
        makerNoteBytes: 4000,
        orientation,
      })
      writeFileSync(join(folder, `IMG_${String(index).padStart(4, '0')}.jpg`), photo)
      bytes += photo.length
    }
    return { photos, bytes }
  })
}

export async function paintPhoto({ widthPx, heightPx }: PhotoSize, seed: number): Promise<Buffer> {
  const random = randomOf(seed)
  const [width, height] = [widthPx / 4, heightPx / 4]
  const texture = await paintOctaves(width, height, random)
  const grain = { type: 'gaussian', mean: 128, sigma: 24 } as const
  const noise = sharp({
    create: { width: widthPx, height: heightPx, channels: 3, noise: grain, background: '#808080' },
  })
  return await sharp(
    await sharp(texture, { raw: { width, height, channels: 3 } })
      .resize(widthPx, heightPx, { kernel: 'cubic' })
      .composite([{ input: drawShapes(widthPx, heightPx, random) }])
      .png({ compressionLevel: 0 })
      .toBuffer(),
  )
    .composite([{ input: await noise.png({ compressionLevel: 0 }).toBuffer(), blend: 'soft-light' }])
    .removeAlpha()
    .jpeg({ quality: 90 })
    .toBuffer()
}

/** Xorshift: the same picture for the same seed on every machine. */
function randomOf(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const OCTAVES = [256, 128, 64, 32, 16, 8, 4, 2]

async function paintOctaves(width: number, height: number, random: () => number): Promise<Buffer> {
  const sum = new Float32Array(width * height * 3).fill(128)
  for (const gridPx of OCTAVES) {
    const grid = {
      width: Math.ceil(width / gridPx) + 1,
      height: Math.ceil(height / gridPx) + 1,
      channels: 3 as const,
    }
    const dots = Buffer.alloc(grid.width * grid.height * 3)
    for (let at = 0; at < dots.length; at += 3) {
      const light = random()
      for (let channel = 0; channel < 3; channel += 1)
        dots[at + channel] = 255 * (0.7 * light + 0.3 * random())
    }
    const layer = await sharp(dots, { raw: grid })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer()
    const amplitude = 0.045 * Math.sqrt(gridPx)
    for (let at = 0; at < sum.length; at += 1) sum[at]! += ((layer[at] ?? 128) - 128) * amplitude
  }
  return Buffer.from(Uint8ClampedArray.from(sum))
}

/** Lettering needs a font; where there is none the shapes have to do. */
function drawShapes(width: number, height: number, random: () => number): Buffer {
  const color = (): string =>
    `rgb(${[random(), random(), random()].map((part) => Math.floor(part * 256)).join()})`
  const shapes = Array.from({ length: 60 }, (_, index) => {
    const [x, y, size] = [random() * width, random() * height, (random() ** 3 * 0.2 + 0.004) * width]
    const fill = `fill="${color()}" fill-opacity="${0.3 + random() * 0.7}"`
    if (index % 4 === 0)
      return `<ellipse cx="${x}" cy="${y}" rx="${size}" ry="${size * (0.3 + random())}" ${fill}/>`
    if (index % 4 === 1) {
      return `<text x="${x}" y="${y}" font-size="${size / 2}" font-family="sans-serif" ${fill}>Heirloom ${index}</text>`
    }
    const points = Array.from(
      { length: 5 },
      () => `${x + (random() - 0.5) * size},${y + (random() - 0.5) * size}`,
    )
    return `<polygon points="${points.join(' ')}" ${fill}/>`
  })
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`,
  )
}
