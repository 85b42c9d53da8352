/**
 * `heirloom list-processors`: which platforms are known.
 *
 * @module
 */

import { PLATFORMS } from '../exports/registry.ts'
import type { ProcessorInfo } from './ingest-api.ts'

/** All platforms, highest priority first. */
export function listProcessors(): readonly ProcessorInfo[] {
  return PLATFORMS.map(({ name, folder, priority }) => ({ name, folder, priority })).sort(
    (a, b) => b.priority - a.priority,
  )
}
