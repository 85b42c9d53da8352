/**
 * What rules decide by, as a text and as a hash: a plan is good for the rules that it was made with, and for no others.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Rules } from '../rules.ts'

/** Canonical JSON of what decides anything: patterns and names by how they are written, keys in order. */
export function toCanonicalRules(rules: Omit<Rules, 'hash'>): string {
  const { server: _server, run: _run, ...deciding } = rules
  return JSON.stringify(toPlain(deciding))
}

/** SHA-256 of {@link toCanonicalRules}, in hexadecimal digits. */
export function hashRules(rules: Omit<Rules, 'hash'>): string {
  return createHash('sha256').update(toCanonicalRules(rules)).digest('hex')
}

function toPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Set) return [...value].sort()
  if ('source' in value) return value.source
  const entries = Object.entries(value).filter(([key]) => key !== 'hash')
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, inner]) => [key, toPlain(inner)]),
  )
}
