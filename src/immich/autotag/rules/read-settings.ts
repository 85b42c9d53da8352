/**
 * The parts of a rules file that decide nothing about assets: server, scope, time and run.
 *
 * Keys may be written as `${NAME}` (it must be set) or `${NAME?}` (it may be missing); what they stand for is never
 * part of a message.
 *
 * @module
 */

import { isZone } from '../../../media/zones.ts'
import type { Visibility } from '../../api.ts'
import type { Predicate, RunSettings, ServerSettings } from '../rules.ts'
import {
  type Place,
  readBoolean,
  readFields,
  readItems,
  readText,
  readWhole,
  readWord,
  report,
  shorten,
} from './place.ts'
import { type PredicateContext, readPredicate, VISIBILITIES } from './read-predicate.ts'
import { readLimit } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const READINGS = ['auto', 'session', 'filter', 'albums'] as const

/** What apply may change before it asks, unless the file says something else: enough for daily runs, no accident. */
const DEFAULT_MAX_CHANGES: RunSettings['maxChanges'] = Object.freeze({ kind: 'share', ofAssets: 0.2 })

const DEFAULT_VISIBILITIES: readonly Visibility[] = ['timeline', 'archive']

export function readServer(place: Place | undefined, env: Environment, secrets: Set<string>): ServerSettings {
  const fields = place === undefined ? {} : (readFields(place, ['url', 'key', 'session', 'read']) ?? {})
  return {
    url: fields.url && readUrl(fields.url, env),
    key: fields.key && readSecret(fields.key, env, secrets, 'IMMICH_KEY'),
    session: fields.session && readSecret(fields.session, env, secrets, 'IMMICH_TOKEN'),
    read: (fields.read && readWord(fields.read, READINGS)) ?? 'auto',
  }
}

function readUrl(place: Place, env: Environment): string | undefined {
  const text = readText(place)
  const url = text === undefined ? undefined : resolve(place, text, env).value
  if (url === undefined) return undefined
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/u.test(parsed.protocol)) {
    report(
      place,
      'the address of the server is no http or https address',
      'Write it as https://pics.example.org.',
    )
  } else if (parsed.username !== '' || parsed.password !== '') {
    report(place, 'the address of the server holds a password', 'Leave it out; the key is enough.')
  } else return url
  return undefined
}

function readSecret(place: Place, env: Environment, secrets: Set<string>, name: string): string | undefined {
  const text = readText(place)
  if (text === undefined) return undefined
  const { value, isReference } = resolve(place, text, env)
  if (value === undefined) return undefined
  secrets.add(value)
  if (!isReference) {
    report(place, 'a secret stands in the file itself', `Write \${${name}} and set it in the environment.`, {
      severity: 'warning',
    })
  }
  return value
}

/** Looks a whole `${NAME}` up; anything else stands for itself. */
function resolve(
  place: Place,
  text: string,
  env: Environment,
): { readonly value: string | undefined; readonly isReference: boolean } {
  const { name, optional } = /^\$\{(?<name>[A-Za-z_]\w*)(?<optional>\?)?\}$/u.exec(text.trim())?.groups ?? {}
  if (name === undefined) return { value: text.trim(), isReference: false }
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
  if (value !== undefined && value !== '') return { value, isReference: true }
  if (optional === undefined) {
    report(
      place,
      `the environment has no ${name}`,
      `Set ${name}, or write \${${name}?} when it may be missing.`,
    )
  }
  return { value: undefined, isReference: true }
}

export function readScope(
  place: Place | undefined,
  context: PredicateContext,
): { readonly visibilities: readonly Visibility[]; readonly where: Predicate } {
  const fields = place === undefined ? {} : (readFields(place, ['visibility', 'where']) ?? {})
  const items = fields.visibility === undefined ? [] : readItems(fields.visibility)
  if (fields.visibility !== undefined && items.length === 0) report(fields.visibility, 'the list is empty')
  const visibilities = items.flatMap((item) => readScopeVisibility(item) ?? [])
  return {
    visibilities: fields.visibility === undefined ? DEFAULT_VISIBILITIES : [...new Set(visibilities)],
    where: fields.where === undefined ? { kind: 'always' } : readPredicate(fields.where, context),
  }
}

/** No key opens the locked folder: the server answers one that asks for it as if the key were wrong. */
function readScopeVisibility(item: Place): Visibility | undefined {
  const visibility = readWord(item, VISIBILITIES)
  if (visibility !== 'locked') return visibility
  report(item, 'the locked folder cannot be read by a program', 'Leave it out.')
  return undefined
}

/** An IANA name; undefined where the file has none, or a wrong one. */
export function readTime(place: Place | undefined): string | undefined {
  const fields = place === undefined ? undefined : readFields(place, ['zone'])
  if (place !== undefined && fields !== undefined && fields.zone === undefined)
    report(place, 'zone is missing')
  return fields?.zone && readZone(fields.zone)
}

export function readZone(place: Place): string | undefined {
  const zone = readText(place)
  if (zone === undefined) return undefined
  if (isZone(zone)) return zone
  report(place, `the time zone "${shorten(zone)}" is unknown`, 'Write it as Europe/Oslo.')
  return undefined
}

export function readRun(place: Place | undefined): RunSettings {
  const words = ['nice', 'concurrency', 'max-changes', 'journal'] as const
  const fields = place === undefined ? {} : (readFields(place, words) ?? {})
  const limit = fields['max-changes']
  return {
    nice: (fields.nice && readBoolean(fields.nice)) ?? false,
    concurrency: fields.concurrency && readConcurrency(fields.concurrency),
    maxChanges: (limit && readLimit(limit)) ?? DEFAULT_MAX_CHANGES,
    journal: fields.journal && readText(fields.journal),
  }
}

function readConcurrency(place: Place): number | undefined {
  const { node } = place
  if (node !== undefined && 'value' in node && node.value === 'auto') return undefined
  return readWhole(place, 1, 8)
}
