/**
 * How thumbnails are made, from the settings.
 *
 * @module
 */

import type { ThumbnailSettings } from '../tasks/thumbnail-api.ts'
import { parseDurationMs } from '../units.ts'
import type { ConfigKey, ConfigValues } from './config-keys.ts'

export const THUMB_SETTINGS: readonly ConfigKey[] = [
  'thumbSizes',
  'thumbFormat',
  'thumbQuality',
  'thumbMozjpeg',
  'thumbTimeout',
  'thumbMaxPixels',
]

/** A wider machine has better things to do, and more decoders at once take memory: the seed's cap. */
const MAX_DEFAULT_WORKERS = 8

export function thumbnailSettings(
  config: ConfigValues,
  { cores, retryFailed }: { readonly cores: number; readonly retryFailed: boolean },
): ThumbnailSettings {
  const { thumbSizes, thumbFormat, thumbQuality, thumbMozjpeg, thumbTimeout, thumbMaxPixels, workers } =
    config
  return {
    options: { sizes: thumbSizes, format: thumbFormat, quality: thumbQuality, mozjpeg: thumbMozjpeg },
    maxPixels: thumbMaxPixels,
    timeoutMs: parseDurationMs(thumbTimeout) ?? 0,
    workers: workers === 'auto' ? Math.min(cores, MAX_DEFAULT_WORKERS) : workers,
    cpus: cores,
    retryFailed,
  }
}
