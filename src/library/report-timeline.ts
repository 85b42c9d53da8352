/**
 * The timeline of the report: a bar a month, as inline SVG.
 *
 * One wrong clock can put a photo into the year 1 or 9999, so the axis covers at most {@link MAX_YEARS} up to
 * the newest year in which there is more than a trickle, and what lies outside is counted in words.
 *
 * @module
 */

import { formatCount, pluralize } from '../units.ts'
import type { MonthCount } from './report.ts'

const MAX_YEARS = 60

/** Height of the chart in units of the drawing; a month is one unit wide. */
const HEIGHT = 100

interface Bar {
  /** Months since the first of the axis. */
  readonly x: number
  readonly month: string
  readonly count: number
}

export interface TimelineAxis {
  readonly firstYear: number
  readonly lastYear: number
  readonly bars: readonly Bar[]
  /** Photos of which only the year is known. */
  readonly yearOnly: number
  /** Photos before or after the axis. */
  readonly outside: number
}

/** Decides what the chart shows; undefined when no month is known. */
export function planTimeline(timeline: readonly MonthCount[]): TimelineAxis | undefined {
  const months = timeline.filter(({ month }) => /^\d{4}-(?:0[1-9]|1[0-2])$/u.test(month))
  const total = months.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return undefined
  const lastYear = yearAtRank(months, total)
  const firstYear = Math.max(yearOf(months[0]), lastYear - MAX_YEARS + 1)
  const inside = months.filter(({ month }) => isBetween(Number(month.slice(0, 4)), firstYear, lastYear))
  const drawn = inside.reduce((sum, { count }) => sum + count, 0)
  return {
    firstYear,
    lastYear,
    bars: inside.map(({ month, count }) => ({
      x: (Number(month.slice(0, 4)) - firstYear) * 12 + Number(month.slice(5)) - 1,
      month,
      count,
    })),
    yearOnly: timeline.filter(({ month }) => month.length === 4).reduce((sum, { count }) => sum + count, 0),
    outside: total - drawn,
  }
}

/** The newest year; when the whole span does not fit, the newest that leaves at most 1 % behind it. */
function yearAtRank(months: readonly MonthCount[], total: number): number {
  const newest = yearOf(months.at(-1))
  if (newest - yearOf(months[0]) < MAX_YEARS) return newest
  let behind = 0
  for (const month of months.toReversed()) {
    behind += month.count
    if (behind > total / 100) return yearOf(month)
  }
  return newest
}

function yearOf(month: MonthCount | undefined): number {
  return Number(month?.month.slice(0, 4))
}

function isBetween(value: number, first: number, last: number): boolean {
  return value >= first && value <= last
}

/** The section of the page. */
export function renderTimeline(timeline: readonly MonthCount[], undated: number): string {
  const axis = planTimeline(timeline)
  if (axis === undefined) return ''
  const years = axis.lastYear - axis.firstYear + 1
  const most = Math.max(...axis.bars.map(({ count }) => count))
  const bars = axis.bars.map(({ x, month, count }) => {
    const height = Math.max(1, (count / most) * HEIGHT)
    return `<rect x="${x + 0.08}" y="${(HEIGHT - height).toFixed(2)}" width="0.84" height="${height.toFixed(2)}"><title>${month}: ${formatCount(count)}</title></rect>`
  })
  const busiest = axis.bars.find(({ count }) => count === most)
  return `<section><h2>Timeline</h2>
<p class="muted">Busiest month: ${busiest?.month} with ${pluralize(most, 'photo or video', 'photos and videos')}.</p>
<figure class="timeline">
<svg viewBox="0 0 ${years * 12} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Photos and videos by month, ${axis.firstYear} to ${axis.lastYear}">${bars.join('')}</svg>
<div class="years">${yearLabels(axis.firstYear, years)}</div>
</figure>${apart(axis, undated)}</section>`
}

/** At most eight labels, each with an eighth of the axis to its right: more do not fit a phone. */
function yearLabels(firstYear: number, years: number): string {
  const step = Math.ceil(years / 8)
  const labels: string[] = []
  for (let index = 0; index <= (years * 7) / 8; index += step) {
    labels.push(`<span style="left:${((index / years) * 100).toFixed(2)}%">${firstYear + index}</span>`)
  }
  return labels.join('')
}

function apart(axis: TimelineAxis, undated: number): string {
  const notes = [
    axis.yearOnly > 0 ? `${formatCount(axis.yearOnly)} with only a year` : '',
    axis.outside > 0 ? `${formatCount(axis.outside)} outside these years` : '',
    undated > 0 ? `${formatCount(undated)} without a date` : '',
  ].filter((note) => note !== '')
  return notes.length === 0 ? '' : `<p class="muted">Not in the chart: ${notes.join(', ')}.</p>`
}
