/**
 * A plan's id: the digest of all that is in it, so that what is applied is what was shown.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Plan } from './plan.ts'

/** SHA-256 of the canonical JSON of all but the id: 64 hexadecimal digits. */
export function planIdOf(plan: Omit<Plan, 'id'>): string {
  const { id: _, ...rest } = plan as Plan
  return createHash('sha256').update(canonicalJson(rest)).digest('hex')
}

/** Keys in the order of their UTF-16 units, no spaces; as RFC 8785 for what JSON can hold. Undefined is left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
}
