/**
 * The section of the page on a server that the library was uploaded to.
 *
 * @module
 */

import { formatCount, pluralize } from '../units.ts'
import { escapeHtml } from './html.ts'
import { capped, path, section, time } from './report-parts.ts'
import type { UploadCounts, UploadedFile, UploadFailure, UploadReport } from './report-uploads.ts'

const LABELS: Readonly<Record<keyof UploadCounts, string>> = {
  uploaded: 'sent',
  present: 'were there',
  failed: 'failed',
  open: 'not sent (yet)',
  trashed: 'thrown away there',
  unsupported: 'of formats that it does not take',
  kept: 'kept in the library only',
}

const ORDER = Object.keys(LABELS) as (keyof UploadCounts)[]

export function renderUploads(uploads: readonly UploadReport[]): string {
  return uploads.map(renderServer).join('\n')
}

function renderServer(server: UploadReport): string {
  const { address, usedAt, counts, exports, failures, trashed, unsupported } = server
  const rows = capped(exports, (one) => `<tr><td>${path(one.name)}</td><td>${countsOf(one.counts)}</td></tr>`)
  return section(
    'On the server',
    [
      `<p class="path">${path(address)}</p>`,
      `<p class="muted">As of ${time(usedAt)}. ${stateOf(counts)}</p>`,
      `<table>${rows.rows}</table>${rows.note}`,
      failures.length === 0 ? '' : renderFailures(failures),
      fileList(
        trashed,
        'thrown away on the server',
        'They are not sent again. To have them back, restore them in the trash of its web page.',
      ),
      fileList(
        unsupported,
        'of formats that the server does not take',
        'They are in the library, and are not sent.',
      ),
    ].join(''),
    failures.length === 0 ? undefined : failures.length,
  )
}

function stateOf({ failed, open }: UploadCounts): string {
  if (failed + open === 0) return 'Everything that is to be there is there.'
  const missing = [
    ...(failed > 0 ? [`${pluralize(failed, 'file')} could not be sent`] : []),
    ...(open > 0 ? [`${pluralize(open, 'file')} ${open === 1 ? 'was' : 'were'} not sent (yet)`] : []),
  ]
  return `${missing.join(', ')}: <code>heirloom upload</code> sends only what is missing.`
}

function countsOf(counts: UploadCounts): string {
  return ORDER.filter((key) => counts[key] > 0)
    .map((key) => `${formatCount(counts[key])} ${LABELS[key]}`)
    .join(', ')
}

function renderFailures(failures: readonly UploadFailure[]): string {
  const list = capped(failures, ({ path: placed, export: name, code, reason, hint }) => {
    const way = hint === undefined ? '' : `<p>${escapeHtml(hint)}</p>`
    return `<li><p class="path">${path(placed)}</p><p>${escapeHtml(reason)}</p>${way}<p class="muted">${escapeHtml(name)} · <code>${escapeHtml(code)}</code></p></li>`
  })
  return `<h3>Could not be sent</h3><ul class="cards plain">${list.rows}</ul>${list.note}`
}

function fileList(files: readonly UploadedFile[], where: string, remark: string): string {
  if (files.length === 0) return ''
  const list = capped(
    files,
    (file) => `<tr><td>${path(file.path)}</td><td class="muted">${escapeHtml(file.export)}</td></tr>`,
  )
  return `<details><summary>${pluralize(files.length, 'file')} ${where}</summary><p class="muted">${remark}</p><table>${list.rows}</table>${list.note}</details>`
}
