/**
 * The first thing that is read: what goes on, how far it is, and when it will be done.
 *
 * @module
 */

import { formatBytes, formatCount, formatDuration } from '../../units.ts'
import type { SnapshotView } from '../dashboard-events.ts'
import { formatEta, formatPercent, formatRate, type Headline, headlineOf } from './headline.ts'
import { html, type View } from './html.ts'

export function Hero({ snapshot, now }: { readonly snapshot: SnapshotView; readonly now: number }): View {
  const headline = headlineOf(snapshot)
  const { mood, title, hint, share } = headline
  const isRunning = mood === 'busy' || mood === 'paused' || mood === 'stuck'
  return html`<section class=${`hero ${mood}`} aria-labelledby="headline">
    <p class="role">${roleOf(snapshot, now)}</p>
    <h1 id="headline" aria-live="polite">${title}</h1>
    <p class="hint">${hint ?? ''}</p>
    <div
      class="bar"
      role="progressbar"
      aria-label="Overall progress"
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${Math.floor(share * 100)}
    >
      <span style=${{ width: `${share * 100}%` }}></span>
    </div>
    <dl class="facts">
      ${fact('Progress', mood === 'idle' ? '–' : formatPercent(share), progressHint(headline))}
      ${fact('Time left', isRunning ? etaOf(headline) : '–', isRunning ? 'at the present rate' : 'nothing is open')}
      ${fact('Rate', `${formatRate(headline.rate)}/s`, `${formatRate(snapshot.throughput.m15)}/s over 15 minutes`)}
      ${fact('Memory', formatBytes(usedBytes(snapshot)), memoryHint(snapshot))}
    </dl>
  </section>`
}

function fact(name: string, value: string, hint: string): View {
  return html`<div><dt>${name}</dt><dd><strong>${value}</strong><small>${hint}</small></dd></div>`
}

function progressHint({ done, total, mood }: Headline): string {
  if (total > 0) return `${formatCount(done)} of ${formatCount(total)} tasks`
  return mood === 'idle' ? 'no tasks yet' : 'nothing is open'
}

function etaOf({ etaMs, mood }: Headline): string {
  if (mood !== 'busy') return '–'
  return etaMs === undefined ? 'not known yet' : formatEta(etaMs)
}

function roleOf({ role }: SnapshotView, now: number): View {
  if (role.kind === 'working')
    return html`<span class="chip"><i class="dot on"></i>This server works on the library</span>`
  const { holder } = role
  const who = holder === undefined ? 'another process' : `heirloom ${holder.command}`
  const facts =
    holder === undefined
      ? ''
      : `, process ${holder.pid} on ${holder.host}, for ${formatDuration(Math.max(0, now - holder.startedAt))}`
  return html`<span class="chip"><i class="dot watch"></i>Watching${' '}<b>${who}</b>${facts}</span>`
}

function usedBytes({ workers, memory }: SnapshotView): number {
  return workers.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, memory.serverBytes)
}

function memoryHint({ memory }: SnapshotView): string {
  return `${formatBytes(memory.freeBytes)} of ${formatBytes(memory.limitBytes)} free`
}
