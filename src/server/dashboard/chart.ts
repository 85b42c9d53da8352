/**
 * The shape of the throughput chart: from rates to lines, scale and words. Pure.
 *
 * @module
 */

import type { ThroughputHistory } from '../../tasks/dashboard-throughput.ts'

/** In a box that is one wide for each bucket and {@link CHART_HEIGHT} high; the page stretches it. */
export interface ChartShape {
  /** SVG path of the line. */
  readonly line: string
  /** The same, closed at the bottom. */
  readonly area: string
  readonly width: number
  /** Rate at the top of the chart. */
  readonly top: number
  /** Of all lanes together, tasks a second. */
  readonly totals: readonly number[]
  readonly isEmpty: boolean
}

export const CHART_HEIGHT = 100

/** Neighbours that are averaged: tasks that end in batches would make a fence of the line. */
const SMOOTHED_OVER = 3

export function chartOf(history: ThroughputHistory): ChartShape {
  const totals = smooth(totalsOf(history))
  const highest = Math.max(0, ...totals)
  const top = roundUp(highest)
  const points = totals.map((rate, index) => `${index},${toY(rate, top)}`)
  const width = Math.max(1, totals.length - 1)
  return {
    line: `M${points.join('L')}`,
    area: `M0,${CHART_HEIGHT}L${points.join('L')}L${width},${CHART_HEIGHT}Z`,
    width,
    top,
    totals,
    isEmpty: highest === 0,
  }
}

function totalsOf({ lanes }: ThroughputHistory): number[] {
  const totals: number[] = []
  for (const rates of Object.values(lanes)) {
    for (const [index, rate] of rates.entries()) totals[index] = (totals[index] ?? 0) + rate
  }
  return totals
}

/** The average of each one and those before it. */
function smooth(rates: readonly number[]): number[] {
  return rates.map((_rate, index) => {
    const some = rates.slice(Math.max(0, index - SMOOTHED_OVER + 1), index + 1)
    return some.reduce((sum, one) => sum + one, 0) / some.length
  })
}

/** Halves of them are round, too. */
const STEPS = [1, 1.6, 2, 3, 4, 6, 8, 10] as const

function toY(rate: number, top: number): number {
  return Math.round((1 - rate / top) * CHART_HEIGHT * 100) / 100
}

/** To a round number, so that the scale stands still while the rate moves. */
export function roundUp(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = STEPS.find((one) => one * power >= value * 1.05) ?? 15
  return Number((step * power).toPrecision(2))
}

export interface ChartPoint {
  /** Milliseconds before the end of the chart. */
  readonly agoMs: number
  readonly total: number
  /** Lanes in which something ended then, busiest first. */
  readonly lanes: readonly { readonly lane: string; readonly rate: number }[]
}

/** What is told of one bucket. */
export function pointAt(history: ThroughputHistory, { totals }: ChartShape, index: number): ChartPoint {
  const lanes = Object.entries(history.lanes)
    .map(([lane, rates]) => ({ lane, rate: smooth(rates)[index] ?? 0 }))
    .filter(({ rate }) => rate > 0)
    .toSorted((a, b) => b.rate - a.rate)
  return { agoMs: (totals.length - 1 - index) * history.bucketMs, total: totals[index] ?? 0, lanes }
}
