/**
 * Every setting: its name, what it accepts, its default, and what it is for.
 *
 * One table for all three sources. A key `parallelExports` is the flag `--parallel-exports`, the variable
 * `HEIRLOOM_PARALLEL_EXPORTS` and the line `parallel-exports:` of the config file.
 *
 * @module
 */

import { z } from 'zod'
import { LOG_LEVELS, type LogLevel } from '../logger.ts'

/** The settings after all sources are merged. Paths are absolute. */
export interface ConfigValues {
  readonly output: string
  readonly parallelExports: number
  readonly workers: number | 'auto'
  readonly processor: string | undefined
  readonly metadata: 'embed' | 'sidecar'
  readonly state: string | undefined
  readonly zone: string | undefined
  readonly verbose: boolean
  readonly color: 'auto' | 'always' | 'never'
  readonly logLevel: LogLevel
  readonly logFile: string | undefined
}

export type ConfigKey = keyof ConfigValues

export interface KeySpec<Value> {
  /** From what a flag (text), a variable (text) or YAML (text, number, boolean) holds. */
  readonly schema: z.ZodType<Value>
  /** Ends the sentence "expected …". */
  readonly expects: string
  readonly fallback: Value
  readonly describes: string
  readonly isPath?: true
}

const text: z.ZodType<string> = z.string().trim().min(1)

/** More would only be a typing error: the widest machines have some hundred cores. */
const MAX_PARALLEL_EXPORTS = 64
const MAX_WORKERS = 256

function count(max: number): z.ZodType<number> {
  return z
    .union([z.number(), z.string().trim().regex(/^\d+$/u).transform(Number)])
    .pipe(z.number().int().min(1).max(max))
}

const YES = ['true', '1', 'yes', 'on']
const NO = ['false', '0', 'no', 'off']

const flag: z.ZodType<boolean> = z.union([
  z.boolean(),
  z
    .union([z.string(), z.number()])
    .transform((value) => String(value).trim().toLowerCase())
    .pipe(z.enum([...YES, ...NO]))
    .transform((value) => YES.includes(value)),
])

const zone: z.ZodType<string> = text.refine(isZone)

/** Whether `name` is an IANA zone; offsets such as `+02:00`, which know no summer time, are not. */
function isZone(name: string): boolean {
  if (/^[+-]/u.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

export const CONFIG_KEYS: { readonly [Key in ConfigKey]: KeySpec<ConfigValues[Key]> } = {
  output: {
    schema: text,
    expects: 'a folder',
    fallback: 'library',
    describes: 'folder of the library; made when it is not there',
    isPath: true,
  },
  parallelExports: {
    schema: count(MAX_PARALLEL_EXPORTS),
    expects: `a whole number from 1 to ${MAX_PARALLEL_EXPORTS}`,
    fallback: 1,
    describes: 'how many exports are read side by side',
  },
  workers: {
    schema: z.union([z.literal('auto'), count(MAX_WORKERS)]),
    expects: `a whole number from 1 to ${MAX_WORKERS}, or auto`,
    fallback: 'auto',
    describes: 'worker processes per export; auto: cores - 1 for all exports together, at least 2',
  },
  processor: {
    schema: text,
    expects: 'a name from heirloom list-processors',
    fallback: undefined,
    describes: 'the only platform to look for',
  },
  metadata: {
    schema: z.enum(['embed', 'sidecar']),
    expects: 'embed or sidecar',
    fallback: 'embed',
    describes: 'write dates, places and captions into the files, or beside them as .xmp',
  },
  state: {
    schema: text,
    expects: 'a folder',
    fallback: undefined,
    describes: 'folder for the database, when the library lies on a network share',
    isPath: true,
  },
  zone: {
    schema: zone,
    expects: 'an IANA time zone such as Europe/Berlin',
    fallback: undefined,
    describes: 'time zone of photos whose zone nothing else tells',
  },
  verbose: {
    schema: flag,
    expects: 'true or false',
    fallback: false,
    describes: 'say more: log level info, more problems in the summary',
  },
  color: {
    schema: z.enum(['auto', 'always', 'never']),
    expects: 'auto, always or never',
    fallback: 'auto',
    describes: 'colours; auto: on a terminal',
  },
  logLevel: {
    schema: z.enum(LOG_LEVELS),
    expects: LOG_LEVELS.join(', '),
    fallback: 'warn',
    describes: 'least severe log lines that are written',
  },
  logFile: {
    schema: text,
    expects: 'a file',
    fallback: undefined,
    describes: 'file that log lines are appended to, instead of the terminal',
    isPath: true,
  },
}

export const CONFIG_KEY_NAMES: readonly ConfigKey[] = Object.freeze(Object.keys(CONFIG_KEYS) as ConfigKey[])

/** `parallelExports` → `parallel-exports`, as in flags and files. */
export function toFileKey(key: ConfigKey): string {
  return key.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)
}

/** `parallelExports` → `HEIRLOOM_PARALLEL_EXPORTS`. */
export function toVariable(key: ConfigKey): string {
  return `HEIRLOOM_${toFileKey(key).replaceAll('-', '_').toUpperCase()}`
}
