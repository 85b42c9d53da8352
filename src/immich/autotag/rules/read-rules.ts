/**
 * Reads a rules file: YAML in, rules out, or all that is wrong with it.
 *
 * Each problem has its line, its column and the nearest known word; nothing unknown is passed over silently, and no
 * secret is in what is said. The meaning of the words is in `docs/guides/autotag.md`; what rules do to each other is
 * looked at by `lint.ts`.
 *
 * @module
 */

import type { Rules, RulesProblem } from '../rules.ts'
import {
  type Fields,
  locateIn,
  openYaml,
  type Place,
  type Reading,
  readFields,
  readWhole,
  report,
  reportUnknown,
  TooBigError,
} from './place.ts'
import { readDateRules, readNamePatterns } from './read-dates.ts'
import type { PredicateContext } from './read-predicate.ts'
import { type Environment, readRun, readScope, readServer, readTime } from './read-settings.ts'
import { readSharing } from './read-sharing.ts'
import {
  readAlbumRules,
  readCategoryRules,
  readChecks,
  readDuplicateRules,
  readMoves,
} from './read-sorting.ts'
import { hashRules } from './rules-hash.ts'

export interface ReadRulesOptions {
  /** Of the rules file, for problems of the whole file. */
  readonly fileName: string
  /** What `${NAME}` is looked up in. */
  readonly env: Environment
  /** IANA name for dates when the file has no `time`; the zone of this machine if left out. */
  readonly machineZone?: string
}

/** Line and column of a path such as `moves[1].to`, both from 1. */
export type Locate = (where: string) => { readonly line: number; readonly column: number }

export interface ReadRulesResult {
  /** Undefined when a problem is an error. */
  readonly rules?: Rules
  /** In the order of the file. */
  readonly problems: readonly RulesProblem[]
  readonly locate: Locate
}

const ROOT_WORDS = [
  'version',
  'server',
  'scope',
  'time',
  'patterns',
  'moves',
  'categories',
  'dates',
  'duplicates',
  'albums',
  'checks',
  'sharing',
  'run',
] as const

type RootFields = Fields<(typeof ROOT_WORDS)[number]>

/** Reads the text of a rules file; throws nothing, whatever the text is. */
export function readRules(text: string, options: ReadRulesOptions): ReadRulesResult {
  const { reading, root } = openYaml(text)
  const secrets = new Set<string>()
  const rules = root && readRoot(root, options, secrets)
  const problems = hideSecrets(inOrder(reading.problems), secrets)
  const locate: Locate = (where) => locateIn(reading, where)
  const isGood = rules !== undefined && problems.every(({ severity }) => severity === 'warning')
  return isGood ? { rules, problems, locate } : { problems, locate }
}

function readRoot(root: Place, options: ReadRulesOptions, secrets: Set<string>): Rules | undefined {
  try {
    if (root.node === undefined) {
      report(root, `${options.fileName} is empty`, 'Begin it with version: 1.')
      return undefined
    }
    const fields = readFields(root, ROOT_WORDS)
    return fields && readParts(root, fields, options, secrets)
  } catch (error) {
    if (!(error instanceof TooBigError)) throw error
    report(root, 'the file has too many or too deep values, its aliases counted')
    return undefined
  }
}

function readParts(root: Place, fields: RootFields, options: ReadRulesOptions, secrets: Set<string>): Rules {
  const { env } = options
  readVersion(root, fields.version)
  const zone = readTime(fields.time) ?? options.machineZone ?? machineZone()
  const context: PredicateContext = { zone, mentioned: [] }
  const patterns = readNamePatterns(fields.patterns)
  const rules = {
    server: readServer(fields.server, env, secrets),
    scope: readScope(fields.scope, context),
    zone,
    patterns,
    moves: readMoves(fields.moves, context),
    categories: readCategoryRules(fields.categories, context),
    dates: readDateRules(fields.dates, context, patterns),
    duplicates: readDuplicateRules(fields.duplicates),
    albums: readAlbumRules(fields.albums, context),
    checks: readChecks(fields.checks, context),
    sharing: readSharing(fields.sharing),
    run: readRun(fields.run),
  }
  warnOfZone(root, fields, zone)
  checkMentioned(context, rules.categories?.list.map(({ id }) => id) ?? [])
  return { ...rules, hash: hashRules(rules) }
}

function readVersion(root: Place, place: Place | undefined): void {
  if (place === undefined) report(root, 'version is missing', 'Begin the file with version: 1.')
  else readWhole(place, 1, 1)
}

function machineZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Another machine would read other dates. */
function warnOfZone(root: Place, { time, patterns, dates }: RootFields, zone: string): void {
  if (time !== undefined || (patterns === undefined && dates === undefined)) return
  report(
    root,
    `no time zone is named, so dates in names are read in ${zone}`,
    `Write time: { zone: ${zone} }.`,
    {
      severity: 'warning',
    },
  )
}

function checkMentioned({ mentioned }: PredicateContext, known: readonly string[]): void {
  for (const { place, id } of mentioned) {
    if (!known.includes(id)) reportUnknown(place, id, ['none', 'several', ...known])
  }
}

function inOrder(problems: Reading['problems']): readonly RulesProblem[] {
  return problems.toSorted((one, other) => one.line - other.line || one.column - other.column)
}

/** A key may have slipped into another place of the file, from where messages quote. */
function hideSecrets(
  problems: readonly RulesProblem[],
  secrets: ReadonlySet<string>,
): readonly RulesProblem[] {
  const long = [...secrets].filter((secret) => secret.length >= 4)
  const hide = (text: string): string =>
    long.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text)
  return problems.map(({ where, message, hint, ...rest }) => ({
    ...rest,
    where: hide(where),
    message: hide(message),
    hint: hint === undefined ? undefined : hide(hint),
  }))
}
