/**
 * The ledger's sums: what was found, and what became of it.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { orNull, prepared } from './statements.ts'

export type Outcome = 'imported' | 'duplicate' | 'sidecar' | 'ignored' | 'failed'

/** In the order in which they are shown. */
export const OUTCOMES: readonly Outcome[] = ['imported', 'duplicate', 'sidecar', 'ignored', 'failed']

/** Files and bytes of an export, by outcome. */
export interface Balance {
  readonly found: number
  readonly bytesFound: number
  readonly byOutcome: Readonly<Record<Outcome, number>>
  readonly bytesByOutcome: Readonly<Record<Outcome, number>>
  readonly open: number
  /** True when nothing is open and the outcomes add up to what was found. */
  readonly balanced: boolean
}

/** The sums of an export, or of all: one small read, whatever the size of the ledger. */
export function balance(db: DatabaseSync, exportId?: number): Balance {
  const rows = prepared(
    db,
    `SELECT outcome, sum(files) AS files, sum(bytes) AS bytes FROM file_counts
     WHERE export_id = $id OR $id IS NULL GROUP BY outcome`,
  ).all({ id: orNull(exportId) })
  const files = new Map(rows.map((row) => [String(row['outcome']), Number(row['files'])]))
  const bytes = new Map(rows.map((row) => [String(row['outcome']), Number(row['bytes'])]))
  const open = files.get('open') ?? 0
  const found = sum(files.values())
  const byOutcome = byEachOutcome(files)
  return {
    found,
    bytesFound: sum(bytes.values()),
    byOutcome,
    bytesByOutcome: byEachOutcome(bytes),
    open,
    balanced: open === 0 && sum(Object.values(byOutcome)) === found,
  }
}

function byEachOutcome(values: ReadonlyMap<string, number>): Record<Outcome, number> {
  const of = (outcome: Outcome): number => values.get(outcome) ?? 0
  return {
    imported: of('imported'),
    duplicate: of('duplicate'),
    sidecar: of('sidecar'),
    ignored: of('ignored'),
    failed: of('failed'),
  }
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
