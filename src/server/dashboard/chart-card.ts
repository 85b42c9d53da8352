/**
 * The throughput of the last quarter of an hour as a picture; a pointer or the arrow keys tell one moment of it.
 *
 * @module
 */

import { useState } from 'preact/hooks'
import type { ThroughputHistory } from '../../tasks/dashboard-throughput.ts'
import { CHART_HEIGHT, type ChartPoint, type ChartShape, chartOf, pointAt } from './chart.ts'
import { formatAge, formatRate } from './headline.ts'
import { html, type View } from './html.ts'

/** Buckets that an arrow key goes. */
const STEP = 3

export function ChartCard({ history }: { readonly history: ThroughputHistory | undefined }): View {
  const [marked, setMarked] = useState<number | undefined>(undefined)
  const shape = history === undefined ? undefined : chartOf(history)
  if (history === undefined || shape === undefined || shape.isEmpty) {
    return html`<section class="card chart" aria-labelledby="chart-title">
      <header><h2 id="chart-title">Throughput</h2></header>
      <p class="empty">Nothing has ended in the last 15 minutes.</p>
    </section>`
  }
  const last = shape.totals.length - 1
  const point = marked === undefined ? undefined : pointAt(history, shape, Math.min(marked, last))
  const move = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect()
    setMarked(Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * last))
  }
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
    if (by === undefined) return
    event.preventDefault()
    setMarked(Math.min(last, Math.max(0, (marked ?? last) + by)))
  }
  return html`<section class="card chart" aria-labelledby="chart-title">
    <header>
      <h2 id="chart-title">Throughput</h2>
      <p class="reading" aria-live="polite">${point === undefined ? html`tasks a second` : reading(point)}</p>
    </header>
    <div
      class="plot"
      role="img"
      tabindex="0"
      aria-label=${summaryOf(shape)}
      onPointerMove=${move}
      onPointerLeave=${() => setMarked(undefined)}
      onKeyDown=${step}
      onBlur=${() => setMarked(undefined)}
    >
      ${picture(shape, point === undefined ? undefined : Math.min(marked ?? last, last))}
      ${[shape.top, shape.top / 2].map(
        (rate, index) =>
          html`<span class="scale" style=${{ top: `${index * 50}%` }}>${formatRate(rate)}</span>`,
      )}
    </div>
    <div class="times" aria-hidden="true"><span>15 min ago</span><span>10</span><span>5</span><span>now</span></div>
  </section>`
}

function picture({ line, area, width }: ChartShape, marked: number | undefined): View {
  const half = CHART_HEIGHT / 2
  return html`<svg viewBox=${`0 0 ${width} ${CHART_HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
    <path class="grid" d=${`M0,0H${width}M0,${half}H${width}M0,${CHART_HEIGHT}H${width}`} />
    <path class="area" d=${area} />
    <path class="line" d=${line} />
    ${marked !== undefined && html`<path class="mark" d=${`M${marked},0V${CHART_HEIGHT}`} />`}
  </svg>`
}

function reading({ agoMs, total, lanes }: ChartPoint): View {
  const parts =
    lanes.length > 1 ? `: ${lanes.map(({ lane, rate }) => `${lane} ${formatRate(rate)}`).join(', ')}` : ''
  const when = agoMs === 0 ? 'now' : `${formatAge(agoMs)} ago`
  return html`<b>${formatRate(total)}/s</b> ${when}${parts}`
}

function summaryOf({ totals }: ChartShape): string {
  const now = totals.at(-1) ?? 0
  return `Tasks a second over the last 15 minutes: ${formatRate(now)} now, ${formatRate(Math.max(...totals))} at most. Arrow keys tell single moments.`
}
