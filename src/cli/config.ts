/**
 * Merges the settings: flag over environment over `.env` over config file over default.
 *
 * `resolveConfig` is pure; `loadConfig` reads the files for it. Problems are gathered over all sources and
 * reported at once. An unknown key is a problem in the config file, which is ours alone, and a warning in the
 * environment, which other programs share.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { systemCode } from '../errors.ts'
import {
  CONFIG_KEY_NAMES,
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValues,
  toFileKey,
  toVariable,
} from './config-keys.ts'
import { didYouMean } from './suggest.ts'
import { UsageError } from './usage-error.ts'

export type Source = 'flag' | 'environment' | 'env-file' | 'file' | 'default'

/** Where a value comes from: the flag, the variable, or the file, as the user would find it. */
export interface Origin {
  readonly source: Source
  readonly detail: string
}

export interface ResolvedConfig {
  readonly values: ConfigValues
  readonly origins: Readonly<Record<ConfigKey, Origin>>
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Raw values of one source, by {@link ConfigKey}, flag name or variable name. */
export interface ConfigSources {
  readonly cwd: string
  /** Only what was really given on the command line. */
  readonly flags: Readonly<Partial<Record<ConfigKey, unknown>>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly envFile?: { readonly path: string; readonly values: Readonly<Record<string, string | undefined>> }
  readonly file?: { readonly path: string; readonly values: Readonly<Record<string, unknown>> }
}

interface Candidate {
  readonly raw: unknown
  readonly origin: Origin
  /** Folder that a relative path is relative to. */
  readonly base: string
}

/** Decides every setting. Never throws: what is wrong is in `problems`, and has its default. */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const problems: string[] = []
  const decided = CONFIG_KEY_NAMES.map(
    (key) => [key, decide(key, candidatesOf(key, sources), sources.cwd, problems)] as const,
  )
  const values = Object.fromEntries(
    decided.map(([key, { value }]) => [key, value]),
  ) as unknown as ConfigValues
  const origins = Object.fromEntries(decided.map(([key, { origin }]) => [key, origin])) as Record<
    ConfigKey,
    Origin
  >
  problems.push(...unknownFileKeys(sources))
  return Object.freeze({
    values: Object.freeze(values),
    origins: Object.freeze(origins),
    problems,
    warnings: [
      ...unknownVariables(sources.env, ''),
      ...unknownVariables(sources.envFile?.values ?? {}, sources.envFile?.path ?? ''),
    ],
  })
}

/** Most important first. An empty variable counts as not set, as shells and containers pass it; an empty flag is wrong. */
function candidatesOf(key: ConfigKey, { cwd, flags, env, envFile, file }: ConfigSources): Candidate[] {
  const candidates: Candidate[] = []
  const add = (source: Source, detail: string, raw: unknown, base: string): void => {
    if (raw !== undefined && raw !== null && (raw !== '' || source === 'flag'))
      candidates.push({ raw, origin: { source, detail }, base })
  }
  const variables = variablesOf(key)
  add('flag', `--${toFileKey(key)}`, flags[key], cwd)
  for (const variable of variables) add('environment', variable, env[variable], cwd)
  for (const variable of variables)
    add('env-file', `${variable} in ${envFile?.path}`, envFile?.values[variable], cwd)
  if (file !== undefined) {
    const spelled = Object.keys(file.values).find((name) => toKey(name) === key)
    if (spelled !== undefined)
      add('file', `${spelled} in ${file.path}`, file.values[spelled], dirname(resolve(cwd, file.path)))
  }
  return candidates
}

/** Our own name first. */
function variablesOf(key: ConfigKey): string[] {
  const { alias } = CONFIG_KEYS[key]
  return alias === undefined ? [toVariable(key)] : [toVariable(key), alias]
}

/** The first candidate wins, but all are checked: a wrong line in a file is said even when a flag hides it. */
function decide(
  key: ConfigKey,
  candidates: readonly Candidate[],
  cwd: string,
  problems: string[],
): { value: unknown; origin: Origin } {
  const { read, expects, fallback, isPath } = CONFIG_KEYS[key]
  let decided: { value: unknown; origin: Origin } | undefined
  for (const { raw, origin, base } of candidates) {
    const value = read(raw)
    if (value === undefined) {
      problems.push(`${origin.detail}: expected ${expects}, got ${described(key, raw)}`)
      continue
    }
    decided ??= { value: isPath ? toPath(String(value), base) : value, origin }
  }
  const value = isPath && fallback !== undefined ? toPath(String(fallback), cwd) : fallback
  return decided ?? { value, origin: { source: 'default', detail: 'default' } }
}

/** What was given instead of what is expected, as far as it may be told. */
function described(key: ConfigKey, raw: unknown): string {
  const { isSecret, mayHoldSecret } = CONFIG_KEYS[key]
  // What is no address may have its password anywhere.
  if (isSecret || (mayHoldSecret && /[@?#]/u.test(String(raw)))) return 'something else'
  return `${show(raw)}${nearZone(key, raw)}`
}

function nearZone(key: ConfigKey, raw: unknown): string {
  return key === 'zone' ? didYouMean(String(raw), Intl.supportedValuesOf('timeZone')) : ''
}

function show(raw: unknown): string {
  const whole = typeof raw === 'string' ? `"${raw}"` : (JSON.stringify(raw) ?? String(raw))
  // A password in an address is nobody's business.
  const text = whole.replace(/:\/\/[^/?#"]*@/u, '://********@')
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** A leading `~/` is the home folder: files and quoted variables do not pass through a shell. */
function toPath(path: string, base: string): string {
  return /^~(?=\/|$)/u.test(path) ? join(homedir(), path.slice(1)) : resolve(base, path)
}

/** `parallel-exports`, `parallel_exports` and `parallelExports` are one key. */
function toKey(name: string): ConfigKey | undefined {
  const plain = name.replaceAll(/[-_]/gu, '').toLowerCase()
  return CONFIG_KEY_NAMES.find((key) => key.toLowerCase() === plain)
}

function unknownFileKeys({ file }: ConfigSources): string[] {
  if (file === undefined) return []
  const names = Object.keys(file.values)
  const known = CONFIG_KEY_NAMES.map(toFileKey)
  const unknown = names.filter((name) => toKey(name) === undefined)
  const twice = names.filter(
    (name, index) => toKey(name) && names.findIndex((other) => toKey(other) === toKey(name)) < index,
  )
  return [
    ...unknown.map((name) => `${file.path}: unknown key ${name}${didYouMean(name, known)}`),
    ...twice.map((name) => `${file.path}: ${name} is there twice`),
  ]
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>, path: string): string[] {
  const known = CONFIG_KEY_NAMES.map(toVariable)
  const where = path === '' ? '' : `${path}: `
  return Object.keys(env)
    .filter((name) => name.startsWith('HEIRLOOM_') && !known.includes(name))
    .map((name) => `${where}unknown variable ${name}${didYouMean(name, known)}`)
}

/** Where to look for the files. */
export interface ConfigPlaces {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--config`: must exist. */
  readonly configFile: string | undefined
  /** `--env-file`: must exist. */
  readonly envFile: string | undefined
}

/**
 * Reads `.env` and the config file, where there are any, and merges everything.
 *
 * The config file is the one of `--config`, else `heirloom.yaml` in the current folder, else
 * `$XDG_CONFIG_HOME/heirloom/config.yaml`; only one is read.
 */
export function loadConfig(flags: ConfigSources['flags'], places: ConfigPlaces): ResolvedConfig {
  const problems: string[] = []
  const envFile = readEnvFile(places, problems)
  const file = readConfigFile(places, problems)
  const resolved = resolveConfig({
    cwd: places.cwd,
    flags,
    env: places.env,
    ...(envFile && { envFile }),
    ...(file && { file }),
  })
  return { ...resolved, problems: [...problems, ...resolved.problems] }
}

/** The settings, when there is nothing wrong with them. @throws {@link UsageError} naming every problem. */
export function requireConfig({ values, problems }: ResolvedConfig): ConfigValues {
  if (problems.length > 0) throw new UsageError(problems, { hint: 'See: heirloom config show' })
  return values
}

function readEnvFile(
  { cwd, envFile }: ConfigPlaces,
  problems: string[],
): ConfigSources['envFile'] | undefined {
  const path = envFile ?? '.env'
  const text = readIfThere(resolve(cwd, path), envFile !== undefined, problems)
  return text === undefined ? undefined : { path, values: parseEnv(text) }
}

function readConfigFile(
  { cwd, env, configFile }: ConfigPlaces,
  problems: string[],
): ConfigSources['file'] | undefined {
  const home = env['XDG_CONFIG_HOME'] || join(homedir(), '.config')
  const paths =
    configFile === undefined ? ['heirloom.yaml', join(home, 'heirloom', 'config.yaml')] : [configFile]
  for (const path of paths) {
    const text = readIfThere(resolve(cwd, path), configFile !== undefined, problems)
    if (text !== undefined) return { path, values: parseYaml(text, path, problems) }
  }
  return undefined
}

function parseYaml(text: string, path: string, problems: string[]): Readonly<Record<string, unknown>> {
  // Loaded by those who have a config file: most have none, and it takes as long as the rest of the command line.
  const { parseDocument } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    problems.push(`${path}: ${error.message.split('\n')[0]}`)
    return {}
  }
  let values: unknown
  try {
    values = document.toJS({ maxAliasCount: 10 })
  } catch (cause) {
    // The library's guard against aliases that multiply; settings need none.
    problems.push(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`)
    return {}
  }
  if (values === null || values === undefined) return {}
  if (typeof values === 'object' && !Array.isArray(values)) return values as Record<string, unknown>
  problems.push(`${path}: expected lines of "key: value"`)
  return {}
}

function readIfThere(path: string, required: boolean, problems: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    if (required || code !== 'ENOENT')
      problems.push(`${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`)
    return undefined
  }
}
