/**
 * Outcomes of a call as they are stored: nearly all are the same, so only those that differ name their subject.
 *
 * @module
 */

import { subjectsOf } from '../apply/step-parts.ts'
import type { Step } from '../plan.ts'
import type { Outcome } from '../state.ts'

interface StoredOutcomes {
  /** Of every subject that is not in `others`; null: nothing is known of them. */
  readonly most: Outcome | null
  /** Null: nothing is known. */
  readonly others: Readonly<Record<string, Outcome | null>>
}

export function encodeOutcomes(steps: readonly Step[], outcomes: Readonly<Record<string, Outcome>>): string {
  const subjects = [...new Set([...steps.flatMap(subjectsOf), ...Object.keys(outcomes)])]
  const of = (subject: string): Outcome | null => outcomes[subject] ?? null
  const most = mostFrequent(subjects.map(of))
  const others = Object.fromEntries(subjects.filter((id) => of(id) !== most).map((id) => [id, of(id)]))
  return JSON.stringify({ most, others } satisfies StoredOutcomes)
}

export function decodeOutcomes(steps: readonly Step[], stored: string): Record<string, Outcome> {
  const { most, others } = JSON.parse(stored) as StoredOutcomes
  const subjects = new Set([...steps.flatMap(subjectsOf), ...Object.keys(others)])
  const outcomes: Record<string, Outcome> = {}
  for (const subject of subjects) {
    const outcome = Object.hasOwn(others, subject) ? others[subject] : most
    if (outcome !== null && outcome !== undefined) outcomes[subject] = outcome
  }
  return outcomes
}

function mostFrequent<Value>(values: readonly Value[]): Value | null {
  const counts = new Map<Value, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let most: Value | null = null
  let highest = 0
  for (const [value, count] of counts) {
    if (count > highest) [most, highest] = [value, count]
  }
  return most
}
