/**
 * Each lane with its depth, rate, time left, and a button to pause it.
 *
 * @module
 */

import { formatCount } from '../../units.ts'
import type { SnapshotView } from '../dashboard-events.ts'
import type { Actions } from './actions.ts'
import { formatEta, formatPercent, formatRate, laneTitle } from './headline.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

type Lane = SnapshotView['lanes'][number]

interface LanesProps {
  readonly snapshot: SnapshotView
  readonly pending: ReadonlySet<string>
  readonly actions: Actions
}

export function Lanes({ snapshot, pending, actions }: LanesProps): View {
  const lanes = snapshot.lanes.toSorted((a, b) => placeOf(a.lane) - placeOf(b.lane))
  return html`<section class="card lanes" aria-labelledby="lanes-title">
    <header><h2 id="lanes-title">Lanes</h2></header>
    ${
      lanes.length === 0
        ? html`<p class="empty">No tasks were added yet. Lanes appear with the first export or photo.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Lane</th>
                <th scope="col" class="number wide">Rate</th>
                <th scope="col" class="number">Time left</th>
                <th scope="col"><span class="unseen">Pause</span></th>
              </tr>
            </thead>
            <tbody>
              ${lanes.map((lane) => row(lane, { pending, actions }))}
            </tbody>
          </table>`
    }
  </section>`
}

/** In the order in which a photo goes through them; those that nobody knows come last. */
const ORDER = ['export', 'item', 'export-finish', 'thumbnail', 'upload', 'upload-file']

function placeOf(lane: string): number {
  const at = ORDER.indexOf(lane)
  return at < 0 ? ORDER.length : at
}

function row(lane: Lane, { pending, actions }: Pick<LanesProps, 'pending' | 'actions'>): View {
  const { lane: name, paused, counts, throughput, etaMs } = lane
  const done = counts.completed + counts.failed + counts.cancelled
  const open = counts.waiting + counts.pending + counts.processing + counts.retry
  const share = open === 0 ? 1 : done / (done + open)
  const title = laneTitle(name)
  const isIdle = open === 0
  const rate = isIdle && throughput.m1 === 0 ? '–' : `${formatRate(throughput.m1)}/s`
  return html`<tr key=${name} class=${lookOf(paused, isIdle)}>
    <th scope="row">
      <span class="lane-name">${title}${title === name ? '' : html` <code>${name}</code>`}${paused && html` <b class="tag">paused</b>`}</span>
      <span
        class="bar thin"
        role="progressbar"
        aria-label=${`${title}: ${formatPercent(share)}`}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.floor(share * 100)}
        ><span style=${{ width: `${share * 100}%` }}></span
      ></span>
      <span class="lane-counts"><span class="narrow">${rate} · </span>${countsOf(lane)}</span>
    </th>
    <td class="number wide">${rate}</td>
    <td class="number">${etaText(isIdle, etaMs)}</td>
    <td class="action">
      <button
        type="button"
        class="round"
        disabled=${pending.has(`lane ${name}`)}
        aria-label=${`${paused ? 'Resume' : 'Pause'} ${name}`}
        title=${paused ? 'Resume' : 'Pause: what runs is finished'}
        onClick=${() => actions.setPaused(name, !paused)}
      >
        <${Icon} name=${paused ? 'play' : 'pause'} />
      </button>
    </td>
  </tr>`
}

function lookOf(paused: boolean, isIdle: boolean): string {
  if (isIdle) return 'finished'
  return paused ? 'paused' : ''
}

function etaText(isIdle: boolean, etaMs: number | undefined): string {
  if (isIdle) return 'done'
  return etaMs === undefined ? '–' : formatEta(etaMs)
}

/** Depth first; what there is none of is left out. */
function countsOf({ counts }: Lane): View {
  const parts: readonly (readonly [number, string])[] = [
    [counts.pending, 'to do'],
    [counts.processing, 'running'],
    [counts.retry, 'to be tried again'],
    [counts.waiting, 'waiting for others'],
    [counts.completed, 'done'],
    [counts.cancelled, 'cancelled'],
  ]
  const words = parts.filter(([count]) => count > 0).map(([count, word]) => `${formatCount(count)} ${word}`)
  const failed = counts.failed > 0 && html`<b class="bad">${formatCount(counts.failed)} failed</b>`
  return html`${words.join(' · ')}${failed && words.length > 0 ? ' · ' : ''}${failed}`
}
