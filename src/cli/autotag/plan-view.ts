/**
 * A plan on the terminal: what would change, by which rule, what is left alone and why, and what it costs.
 *
 * Pure: a plan in, lines out.
 *
 * @module
 */

import type { PlanEstimate } from '../../immich/autotag/autotag-jobs.ts'
import type { Plan, Step } from '../../immich/autotag/plan.ts'
import { formatCount, formatDuration, pluralize } from '../../units.ts'
import type { SummaryStyle } from '../problem-line.ts'
import { table } from '../table.ts'
import { neutralize, truncate } from '../text-width.ts'
import { STEP_KINDS, sizeOf, stepWords } from './plan-words.ts'

/** Steps of a kind that are shown; `--verbose` shows all. */
const FEW_STEPS = 12
/** Remarks of a kind. */
const FEW_REMARKS = 5

/** Of a change: one long name would push the rules of all others out of sight. */
const MAX_WHAT_COLUMNS = 100

const COLORS = { '+': 'green', '-': 'red', '~': 'yellow' } as const

export function planLines(plan: Plan, estimate: PlanEstimate, style: SummaryStyle): string[] {
  return [
    ...stepLines(plan.steps, style),
    ...overrideLines(plan, style),
    ...remarkLines(plan, style),
    ...(plan.steps.length === 0 ? [] : ['', ...costLines(plan, estimate, style)]),
  ]
}

function stepLines(steps: readonly Step[], style: SummaryStyle): string[] {
  const shown: Step[] = []
  const hidden: string[] = []
  for (const [op, ofKind] of Map.groupBy(steps, ({ op }) => op)) {
    const few = style.verbose ? ofKind : ofKind.slice(0, FEW_STEPS)
    shown.push(...few)
    const left = ofKind.slice(few.length)
    if (left.length > 0) hidden.push(`${formatCount(left.length)} more: ${countWords(op, left)}`)
  }
  const words = shown.map(stepWords)
  const whatColumns = Math.max(24, Math.min(MAX_WHAT_COLUMNS, Math.floor(style.columns * 0.6)))
  const rows = words.map(({ what, rule, was }) => [
    truncate(neutralize(what), whatColumns),
    neutralize(rule),
    was === '' ? '' : `was ${neutralize(was)}`,
  ])
  const lines = table(rows, ['left', 'left', 'left']).map((line, at) => {
    const sign = words[at]?.sign ?? '~'
    return ` ${style.paint[COLORS[sign]](sign)} ${truncate(line, style.columns - 3)}`
  })
  const rest = hidden.map((line) => style.paint.dim(truncate(`   … ${line}`, style.columns)))
  return rest.length === 0 ? lines : [...lines, ...rest, style.paint.dim('   (--verbose shows all)')]
}

function countWords(op: Step['op'], steps: readonly Step[]): string {
  const [one, many] = STEP_KINDS[op]
  return pluralize(
    steps.reduce((sum, step) => sum + sizeOf(step), 0),
    one,
    many,
  )
}

function overrideLines({ overrides }: Plan, style: SummaryStyle): string[] {
  if (overrides.length === 0) return []
  const byWords = Map.groupBy(overrides, ({ says, rule }) => `${says}  (${rule})`)
  const rows = [...byWords].map(([says, of]) => `${formatCount(of.length)} × ${neutralize(says)}`)
  const few = style.verbose ? rows : rows.slice(0, FEW_REMARKS)
  const more = rows.length > few.length ? [`   … ${rows.length - few.length} more`] : []
  return [
    style.paint.yellow(
      ` ! ${pluralize(overrides.length, 'change')} that somebody took back, left as it is now:`,
    ),
    ...few.map((line) => truncate(`   ${line}`, style.columns)),
    ...more,
  ]
}

function remarkLines({ remarks }: Plan, style: SummaryStyle): string[] {
  return [...Map.groupBy(remarks, ({ kind }) => kind).values()].flatMap((ofKind) => {
    const alike = [...Map.groupBy(ofKind, ({ says, rule }) => `${says}  (${rule})`)]
    const few = style.verbose ? alike : alike.slice(0, FEW_REMARKS)
    const lines = few.map(([words, remarks]) =>
      truncate(` ! ${timesOf(remarks)}${neutralize(words)}`, style.columns),
    )
    return alike.length > few.length
      ? [...lines, `   … ${formatCount(alike.length - few.length)} more like it`]
      : lines
  })
}

function timesOf(remarks: Plan['remarks']): string {
  const count = new Set(remarks.flatMap(({ assetIds }) => assetIds)).size
  return count > 1 ? `${formatCount(count)} ×  ` : ''
}

function costLines({ steps }: Plan, estimate: PlanEstimate, { paint }: SummaryStyle): string[] {
  const kinds = [...Map.groupBy(steps, ({ op }) => op)].map(([op, of]) => countWords(op, of))
  const calls = Object.entries(estimate.calls)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${formatCount(count)} ${kind}`)
  const jobs =
    estimate.serverJobs === 0 ? '' : `; then the server writes ${pluralize(estimate.serverJobs, 'sidecar')}`
  return [
    paint.bold(`Changes: ${kinds.join(', ')}`),
    `Calls:   ${calls.join(', ')} = ${formatCount(estimate.total)} (about ${formatDuration(estimate.ms)})${jobs}`,
  ]
}
