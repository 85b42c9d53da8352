/**
 * How far each export is, and what a server was sent.
 *
 * @module
 */

import type { ExportProgress, UploadProgress } from '../../library/export-progress.ts'
import { formatBytes, formatCount, pluralize } from '../../units.ts'
import type { ExportsView } from '../dashboard-events.ts'
import { formatPercent } from './headline.ts'
import { html, type View } from './html.ts'

export function ExportsCard({ view }: { readonly view: ExportsView | undefined }): View {
  const { exports: all = [], uploads = [] } = view ?? {}
  return html`<section class="card exports" aria-labelledby="exports-title">
    <header><h2 id="exports-title">Exports</h2></header>
    ${
      all.length === 0 &&
      uploads.length === 0 &&
      html`<p class="empty">None yet. Run <code>heirloom ingest</code> on a Google Takeout or a folder of photos, and watch it here.</p>`
    }
    <ul>
      ${all.map(exportRow)}${uploads.map(uploadRow)}
    </ul>
  </section>`
}

type Part = readonly [count: number, word: string, look: string]

function exportRow(one: ExportProgress): View {
  const { name, status, files, totalBytes, problems } = one
  const parts: readonly Part[] = [
    [files.imported, 'imported', 'imported'],
    [files.duplicate, 'duplicates', 'duplicate'],
    [files.sidecar, 'sidecars', 'sidecar'],
    [files.ignored, 'ignored', 'ignored'],
    [files.failed, 'failed', 'failed'],
  ]
  const settled = parts.reduce((sum, [count]) => sum + count, 0)
  const total = settled + files.open
  return html`<li key=${`export ${name}`}>
    <div class="export-head">
      <b>${name}</b>
      <span>${stateOf(status, settled, total)}</span>
    </div>
    ${segments(parts, total, `${name}: ${formatCount(settled)} of ${pluralize(total, 'file')} done`)}
    <p class="legend">
      <span>${pluralize(total, 'file')} found, ${formatBytes(totalBytes)}</span>${legend(parts)}
    </p>
    ${problems.map(({ message }) => html`<p class="bad problem">${message}</p>`)}
  </li>`
}

function stateOf(status: ExportProgress['status'], settled: number, total: number): string {
  if (status === 'finished') return 'finished'
  if (status === 'open') return total === 0 ? 'being read' : `being read, ${formatCount(settled)} files done`
  return formatPercent(total === 0 ? 0 : Math.min(settled === total ? 1 : 0.999, settled / total))
}

function uploadRow(one: UploadProgress): View {
  const { address, uploaded, present, trashed, unsupported, failed } = one
  const parts: readonly Part[] = [
    [uploaded, 'uploaded', 'imported'],
    [present, 'there already', 'duplicate'],
    [trashed, 'in its trash', 'sidecar'],
    [unsupported, 'of formats it does not take', 'ignored'],
    [failed, 'failed', 'failed'],
  ]
  const total = parts.reduce((sum, [count]) => sum + count, 0)
  return html`<li key=${`server ${address}`}>
    <div class="export-head"><b>Upload to ${address}</b><span>${pluralize(total, 'file')} settled</span></div>
    ${segments(parts, total, `Upload to ${address}: ${pluralize(total, 'file')} settled`)}
    <p class="legend">${legend(parts)}</p>
  </li>`
}

function segments(parts: readonly Part[], total: number, label: string): View {
  return html`<div class="bar segments" role="img" aria-label=${label}>
    ${parts.map(([count, , look]) => count > 0 && html`<span class=${look} style=${{ width: `${(count / total) * 100}%` }}></span>`)}
  </div>`
}

function legend(parts: readonly Part[]): readonly (View | false)[] {
  return parts.map(
    ([count, word, look]) =>
      count > 0 &&
      html`<span class=${look === 'failed' ? 'bad' : ''}><i class=${`key ${look}`}></i>${formatCount(count)} ${word}</span>`,
  )
}
