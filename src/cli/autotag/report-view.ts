/**
 * What autotag has done so far: its runs with their counts, and where to look at what it keeps.
 *
 * @module
 */

import type { AutotagReport, RunSummary } from '../../immich/autotag/autotag-jobs.ts'
import { escapeHtml } from '../../library/html.ts'
import { formatCount, pluralize } from '../../units.ts'
import type { SummaryStyle } from '../problem-line.ts'
import { table } from '../table.ts'
import { neutralize, truncate } from '../text-width.ts'
import { autotagPage } from './page.ts'
import { STEP_KINDS } from './plan-words.ts'

/** Runs and albums that are shown; `--verbose` shows all. */
const FEW_RUNS = 20
/** A name that is longer would push the addresses out of sight. */
const NAME_COLUMNS = 40

export function reportLines({ runs, links }: AutotagReport, style: SummaryStyle): string[] {
  if (runs.length === 0) return ['No rules were applied yet: heirloom autotag apply']
  return [...runLines(runs, style), ...linkLines(links, style)]
}

function runLines(runs: AutotagReport['runs'], { paint, columns, verbose }: SummaryStyle): string[] {
  const few = verbose ? runs : runs.slice(0, FEW_RUNS)
  const rows = few.map((run) => [
    run.id,
    run.undoes === undefined ? run.kind : `undo of ${run.undoes}`,
    run.status,
    changesOf(run),
    run.failed === 0 ? '' : `${formatCount(run.failed)} failed`,
  ])
  const [head = '', ...rest] = table(
    [['RUN', 'KIND', 'STATUS', 'CHANGES', ''], ...rows.map((row) => row.map((cell) => neutralize(cell)))],
    ['left', 'left', 'left', 'left', 'left'],
  )
  return [
    paint.bold(truncate(head, columns)),
    ...rest.map((line) => truncate(line, columns)),
    ...moreLine(runs.length - few.length, 'run'),
  ]
}

/** Tags, and the albums that were made last. Addresses are never cut: they are there to be copied. */
function linkLines(links: AutotagReport['links'], { paint, verbose }: SummaryStyle): string[] {
  const [tags, albums] = [
    links.filter(({ kind }) => kind === 'tag'),
    links.filter(({ kind }) => kind === 'album'),
  ]
  const few = verbose ? albums : albums.slice(-FEW_RUNS)
  const places = [...tags, ...few].map(({ kind, name, address }) => [
    kind,
    truncate(neutralize(name), NAME_COLUMNS),
    neutralize(address),
  ])
  if (places.length === 0) return []
  return [
    '',
    paint.bold('Where to look:'),
    ...table(places, ['left', 'left', 'left']).map((line) => ` ${line}`),
    ...moreLine(albums.length - few.length, 'album'),
  ]
}

function moreLine(count: number, what: string): string[] {
  return count > 0 ? [` … ${pluralize(count, `more ${what}`)} (--verbose shows all)`] : []
}

function changesOf({ changes }: RunSummary): string {
  const parts = Object.entries(STEP_KINDS).flatMap(([op, [one, many]]) => {
    const count = changes[op] ?? 0
    return count === 0 ? [] : [pluralize(count, one, many)]
  })
  return parts.length === 0 ? 'nothing' : parts.join(', ')
}

export function reportPage({ runs, links }: AutotagReport): string {
  const rows = runs.map(
    (run) =>
      `<tr><td><code>${escapeHtml(run.id)}</code></td><td>${run.kind}</td><td>${run.status}</td><td>${escapeHtml(changesOf(run))}</td><td class="number">${run.failed === 0 ? '' : `${formatCount(run.failed)} failed`}</td></tr>`,
  )
  const places = links.map(
    ({ kind, name, address }) =>
      `<li><span>${kind}</span> <a href="${escapeHtml(address)}">${escapeHtml(name)}</a></li>`,
  )
  const runsTable =
    rows.length === 0
      ? '<p class="muted">No rules were applied yet.</p>'
      : `<div class="wide"><table>${rows.join('')}</table></div>`
  const where =
    places.length === 0
      ? ''
      : `<section><h2>Where to look</h2><ul class="cards plain">${places.join('')}</ul></section>`
  return autotagPage(
    'Autotag report',
    '',
    `<header><p class="eyebrow">Heirloom autotag</p><h1>What the rules have done</h1></header>
<section><h2>Runs</h2>${runsTable}</section>
${where}`,
  )
}
