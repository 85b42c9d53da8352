/**
 * How thumbnails are made, from the settings.
 *
 * @module
 */

import type { Command } from 'commander'
import type { ThumbnailSettings } from '../tasks/thumbnail-api.ts'
import { parseDurationMs } from '../units.ts'
import { setting } from './command.ts'
import type { ConfigKey, ConfigValues } from './config-keys.ts'

export const THUMB_SETTINGS: readonly ConfigKey[] = [
  'thumbSizes',
  'thumbFormat',
  'thumbQuality',
  'thumbMozjpeg',
  'thumbTimeout',
  'thumbMaxPixels',
]

/** Where they are one step of several; `heirloom thumbs` spells some of them shorter. */
export function thumbFlags(command: Command): void {
  setting(command, 'thumbSizes', '--thumb-sizes <list>')
  setting(command, 'thumbFormat', '--thumb-format <format>')
  setting(command, 'thumbQuality', '--thumb-quality <n>')
  setting(command, 'thumbMozjpeg', '--thumb-mozjpeg')
  setting(command, 'thumbTimeout', '--thumb-timeout <time>')
  setting(command, 'thumbMaxPixels', '--thumb-max-pixels <n>')
}

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
