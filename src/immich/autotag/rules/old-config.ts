/**
 * The `config.yaml` of immich-autotag as a plain value, read with patience: what is missing or of another kind is empty.
 *
 * @module
 */

import { HeirloomError } from '../../../errors.ts'
import { openYaml } from './place.ts'

/** Thrown for a file that is no such config. */
export class NoConfigError extends HeirloomError {
  readonly code = 'autotag/no-config'
  readonly recovery = 'discard'
}

export type OldBlock = Readonly<Record<string, unknown>>

/** All keys that a config may have; others did nothing, or were refused. */
const KNOWN = [
  'server',
  'enable_album_name_strip',
  'skip',
  'filters',
  'conversions',
  'classification',
  'duplicate_processing',
  'album_date_consistency',
  'album_detection_from_folders',
  'create_album_from_date_if_missing',
  'album_permissions',
  'performance',
  'description',
]

/** Aliases that may be expanded; a config has none. */
const MAX_ALIASES = 100

/**
 * Parses a `config.yaml`.
 *
 * @throws {@link NoConfigError} for a `config.py`, for what is no YAML and for what has none of its blocks.
 */
export function parseOldConfig(text: string): OldBlock {
  if (/^(?:from\s+[\w.]+\s+import\s|import\s+\w|(?:user_)?config\b[^\n]*=)/mu.test(text)) {
    throw new NoConfigError('a config.py is a program and is not read', {
      hint: 'Import the user_config_dump.yaml that immich-autotag writes into its run folder instead.',
    })
  }
  const { reading, root } = openYaml(text)
  const [problem] = reading.problems
  if (root === undefined && problem !== undefined) {
    throw new NoConfigError(`the config is not valid in line ${problem.line}: ${problem.message}`)
  }
  const config = toBlock(toPlain(() => reading.document.toJS({ maxAliasCount: MAX_ALIASES })))
  if (!KNOWN.some((key) => Object.hasOwn(config, key))) {
    throw new NoConfigError('the file has no block of an immich-autotag config', {
      hint: 'Give its config.yaml, which begins with server: and classification:.',
    })
  }
  return config
}

export function unknownKeysOf(config: OldBlock): readonly string[] {
  return Object.keys(config).filter((key) => !KNOWN.includes(key))
}

/** The YAML library throws for aliases that expand to much, or stand for nothing. */
function toPlain(convert: () => unknown): unknown {
  try {
    return convert()
  } catch (error) {
    throw new NoConfigError('the config has aliases that cannot be followed', { cause: error })
  }
}

export function toBlock(value: unknown): OldBlock {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return Object.fromEntries(Object.entries(value))
}

export function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A text on one line; undefined where there is none. */
export function toText(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value).trim()
  return text === '' ? undefined : text
}

export function toTexts(value: unknown): readonly string[] {
  return toList(value).flatMap((item) => toText(item) ?? [])
}

/** Of switches that were on unless said otherwise. */
export function isOn(value: unknown): boolean {
  return value !== false
}
