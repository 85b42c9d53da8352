/**
 * Loads sharp, which is optional, and sets it up for hostile input.
 *
 * libvips chooses a loader by content, whatever the name says, and knows formats that draw (SVG, PDF) or that are read by
 * large old libraries. All loaders but those of the pictures that are rendered are blocked in the process.
 *
 * @module
 */

import type Sharp from 'sharp'
import { MissingDecoderError } from './errors.ts'

export type SharpLibrary = typeof Sharp

/** Loaders of libvips for the formats that sharp decodes here. The `Heif` loader reads AVIF only, as sharp is built. */
const ALLOWED_LOADERS = [
  'VipsForeignLoadJpeg',
  'VipsForeignLoadPng',
  'VipsForeignLoadWebp',
  'VipsForeignLoadNsgif',
  'VipsForeignLoadHeif',
  'VipsForeignLoadTiff',
]

let loading: Promise<SharpLibrary> | undefined

/** @throws {@link MissingDecoderError} */
export function loadSharp(): Promise<SharpLibrary> {
  loading ??= load()
  return loading
}

async function load(): Promise<SharpLibrary> {
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw new MissingDecoderError('pictures', 'Install the npm package sharp.', { cause })
  })
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ALLOWED_LOADERS })
  // Photos are many and each is read once: parallel are the processes, and nothing is worth keeping.
  sharp.concurrency(1)
  sharp.cache(false)
  return sharp
}
