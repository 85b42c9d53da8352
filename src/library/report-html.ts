/**
 * The report as one page that needs nothing else: no network, no script, readable on a phone and in the dark.
 *
 * Every text that comes from an export goes through {@link escapeHtml}; the page's own policy forbids scripts
 * and requests, should one slip through. Lists are capped with a note, the JSON file beside it has all.
 *
 * @module
 */

import { formatBytes, formatCount, pluralize } from '../units.ts'
import { type Balance, OUTCOMES, type Outcome } from './balance.ts'
import { escapeHtml } from './html.ts'
import type { ExportReport, Problem, Report } from './report.ts'
import { capped, path, section, time } from './report-parts.ts'
import { REPORT_STYLE } from './report-style.ts'
import { renderTimeline } from './report-timeline.ts'
import { renderUploads } from './report-uploads-html.ts'

/** What people call many files of an outcome. */
const OUTCOME_LABELS: Readonly<Record<Outcome, string>> = {
  imported: 'imported',
  duplicate: 'duplicates',
  sidecar: 'sidecars',
  ignored: 'ignored',
  failed: 'failed',
}

/** `1 sidecar`, `2 sidecars`, `2 failed`. */
function outcomeCount(balance: Balance, outcome: Outcome): string {
  const count = balance.byOutcome[outcome]
  return `${formatCount(count)} ${outcomeWord(count, outcome)}`
}

function outcomeWord(count: number, outcome: Outcome): string {
  return count === 1 ? outcome : OUTCOME_LABELS[outcome]
}

const SOURCE_LABELS: Readonly<Record<string, string>> = {
  export: 'The export’s own metadata',
  embedded: 'Inside the file',
  'xmp-sidecar': 'XMP file beside it',
  'file-name': 'File name',
  'folder-name': 'Folder name',
  'file-time': 'File time',
  none: 'No date found',
}

const ZONE_LABELS: Readonly<Record<string, string>> = {
  stated: 'Stated beside the time',
  'camera-against-utc': 'Camera time against UTC',
  position: 'Where it was taken',
  user: 'Named by you',
  unknown: 'Not known',
}

/**
 * @param thumbnails - `data:` URIs of problem files, already checked.
 */
export function renderReport(report: Report, thumbnails: ReadonlyMap<Problem, string> = new Map()): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>Heirloom report</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
${[
  renderHeader(report),
  renderVerdict(report),
  renderExports(report),
  renderTimeline(report.timeline, report.library.undated),
  renderEvidence(report),
  renderProblems(report.problems, thumbnails),
  renderUploads(report.uploads),
  renderDateConflicts(report),
  renderAmbiguous(report),
  renderRemarks(report),
  renderIgnored(report),
].join('\n')}
<footer>Made by Heirloom on ${time(report.createdAt)}. The complete lists are in <code>report-latest.json</code>.</footer>
</main>
</body>
</html>
`
}

function renderHeader(report: Report): string {
  const { library } = report
  const facts = [
    [formatCount(library.assets), library.assets === 1 ? 'photo or video' : 'photos and videos'],
    [formatBytes(library.bytes), 'on disk'],
    [formatCount(library.albums), library.albums === 1 ? 'album' : 'albums'],
    [formatCount(library.withPlace), 'with a place'],
    [formatCount(library.favourites), library.favourites === 1 ? 'favourite' : 'favourites'],
  ]
  const tiles = facts.map(([value, label]) => `<div><b>${value}</b><span>${label}</span></div>`).join('')
  return `<header>
<p class="eyebrow">Heirloom report</p>
<h1>Your library</h1>
<p class="muted">As of ${time(report.createdAt)}</p>
<div class="tiles">${tiles}</div>
</header>`
}

/** The one sentence that matters most. */
function renderVerdict({ balance: sums, problems }: Report): string {
  const parts = OUTCOMES.filter((outcome) => sums.byOutcome[outcome] > 0).map((outcome) =>
    outcomeCount(sums, outcome),
  )
  const equation = `${pluralize(sums.found, 'file')} found = ${parts.join(' + ') || '0'}`
  if (sums.open > 0) {
    return verdict(
      'open',
      `${pluralize(sums.open, 'file')} still to do`,
      `${equation} + ${formatCount(sums.open)} open. Run the ingest again: it does only what is missing.`,
    )
  }
  const failed = sums.byOutcome.failed
  if (failed > 0) {
    return verdict(
      'failed',
      `${pluralize(failed, 'file')} could not be imported`,
      `${equation}. Every file is accounted for; the failed ones are listed below.`,
    )
  }
  const unpublished = problems.filter(({ kind }) => kind === 'unpublished').length
  if (unpublished > 0) {
    return verdict(
      'failed',
      `${pluralize(unpublished, 'file')} could not be given a name in the library`,
      `${equation}. The reasons are listed below; the next ingest tries again.`,
    )
  }
  return verdict('good', 'Every file is accounted for', `${equation}.`)
}

function verdict(kind: 'good' | 'open' | 'failed', title: string, text: string): string {
  const sign = { good: '✓', open: '…', failed: '!' }[kind]
  return `<section class="verdict ${kind}"><span class="sign" aria-hidden="true">${sign}</span><div><h2>${title}</h2><p>${text}</p></div></section>`
}

function renderExports(report: Report): string {
  if (report.exports.length === 0) return section('Exports', '<p class="muted">Nothing was ingested yet.</p>')
  const legend = OUTCOMES.map((outcome) => `<li><i class="${outcome}"></i>${OUTCOME_LABELS[outcome]}</li>`)
  const list = capped(report.exports, renderExport)
  return section('Exports', `<ul class="legend">${legend.join('')}</ul>${list.rows}${list.note}`)
}

function renderExport(row: ExportReport): string {
  const { balance } = row
  const counts = OUTCOMES.filter((outcome) => balance.byOutcome[outcome] > 0).map(
    (outcome) =>
      `<li><b class="${outcome}">${formatCount(balance.byOutcome[outcome])}</b> ${outcomeWord(balance.byOutcome[outcome], outcome)}</li>`,
  )
  if (balance.open > 0) counts.push(`<li><b>${formatCount(balance.open)}</b> open</li>`)
  const notes = row.problems.map(({ message }) => `<p class="note">${escapeHtml(message)}</p>`)
  return `<article class="export">
<h3>${escapeHtml(row.name)}</h3>
<p class="muted">${pluralize(balance.found, 'file')} · ${formatBytes(balance.bytesFound)} · ${pluralize(row.albums, 'album')} · ${statusOf(row)}</p>
<div class="stack" role="img" aria-label="${escapeHtml(shares(balance))}">${OUTCOMES.map((outcome) => share(balance, outcome)).join('')}</div>
<ul class="counts">${counts.join('')}</ul>${notes.join('')}
</article>`
}

function statusOf(row: ExportReport): string {
  if (row.balance.open > 0) return 'not finished'
  return row.balance.balanced ? 'balanced' : 'does not balance'
}

function shares(balance: Balance): string {
  return OUTCOMES.map((outcome) => outcomeCount(balance, outcome)).join(', ')
}

function share(balance: Balance, outcome: Outcome): string {
  const count = balance.byOutcome[outcome]
  return count === 0 ? '' : `<i class="${outcome}" style="flex-grow:${count}"></i>`
}

function renderEvidence(report: Report): string {
  if (report.library.assets === 0) return ''
  const bySource = new Map<string, number>()
  for (const { source, count } of report.dates) bySource.set(source, (bySource.get(source) ?? 0) + count)
  const dates = [...bySource].sort((a, b) => b[1] - a[1])
  const details = capped(
    report.dates.filter(({ detail }) => detail !== ''),
    ({ source, detail, count }) =>
      `<tr><td>${escapeHtml(SOURCE_LABELS[source] ?? source)}</td><td><code>${escapeHtml(detail)}</code></td><td class="number">${formatCount(count)}</td></tr>`,
  )
  const zones = report.zones.map(({ zone, count }): [string, number] => [ZONE_LABELS[zone] ?? zone, count])
  const formats = report.formats.map(({ format, count }): [string, number] => [format.toUpperCase(), count])
  return section(
    'How we know',
    `<div class="columns">
<div><h3>Where the dates came from</h3>${meters(dates.map(([source, count]) => [SOURCE_LABELS[source] ?? source, count]))}</div>
<div><h3>How the time zones are known</h3>${meters(zones)}</div>
<div><h3>Formats</h3>${meters(formats)}</div>
</div>
<details><summary>Dates by field or pattern</summary><table>${details.rows}</table>${details.note}</details>`,
  )
}

function meters(values: readonly (readonly [string, number])[]): string {
  const most = Math.max(1, ...values.map(([, count]) => count))
  const rows = values.map(
    ([label, count]) =>
      `<li><span>${escapeHtml(label)}</span><b>${formatCount(count)}</b><i style="width:${((count / most) * 100).toFixed(1)}%"></i></li>`,
  )
  return rows.length === 0 ? '<p class="muted">Nothing yet.</p>' : `<ul class="meters">${rows.join('')}</ul>`
}

function renderProblems(problems: readonly Problem[], thumbnails: ReadonlyMap<Problem, string>): string {
  if (problems.length === 0) return section('Problems', '<p class="muted">None.</p>')
  const list = capped(problems, (problem) => renderProblem(problem, thumbnails.get(problem)))
  return section('Problems', `<ul class="cards">${list.rows}</ul>${list.note}`, problems.length)
}

function renderProblem(problem: Problem, thumbnail: string | undefined): string {
  const picture =
    thumbnail === undefined
      ? '<span class="thumb" aria-hidden="true"></span>'
      : `<img class="thumb" alt="" src="${escapeHtml(thumbnail)}">`
  const placed =
    problem.placedAt === undefined ? '' : `<p class="muted">Placed as it is: ${path(problem.placedAt)}</p>`
  return `<li class="${problem.kind}">${picture}<div><p class="path">${path(problem.path)}</p><p>${escapeHtml(problem.reason)}</p>${placed}<p class="muted">${escapeHtml(problem.export)} · <code>${escapeHtml(problem.code)}</code></p></div></li>`
}

function renderDateConflicts({ dateConflicts }: Report): string {
  if (dateConflicts.length === 0) return ''
  const clock = (local: string): string => escapeHtml(local.replace('T', ' '))
  const list = capped(dateConflicts, ({ path: placedAt, camera, library, export: name }) => {
    const dates = `<dl><dt>camera</dt><dd>${clock(camera)}</dd><dt>library</dt><dd>${clock(library)}</dd></dl>`
    return `<li><p class="path">${path(placedAt)}</p>${dates}<p class="muted">${escapeHtml(name)}</p></li>`
  })
  const intro =
    '<p class="muted">The library goes by the export’s date, which somebody seems to have corrected. The camera’s date is still in the file.</p>'
  return section(
    'Dates where camera and export disagree',
    `${intro}<ul class="cards plain">${list.rows}</ul>${list.note}`,
    dateConflicts.length,
  )
}

function renderAmbiguous(report: Report): string {
  if (report.ambiguous.length === 0) return ''
  const list = capped(report.ambiguous, (pairing) => {
    const rival =
      pairing.runnerUp === undefined
        ? '<span class="muted">no rival, but the rule is a guess</span>'
        : `${path(pairing.runnerUp.sidecar)} <span class="muted">(${escapeHtml(pairing.runnerUp.rule)})</span>`
    return `<li><p class="path">${path(pairing.path)}</p><dl><dt>took</dt><dd>${path(pairing.sidecar)} <span class="muted">(${escapeHtml(pairing.rule)})</span></dd><dt>over</dt><dd>${rival}</dd></dl><p class="muted">${escapeHtml(pairing.export)}</p></li>`
  })
  const intro =
    '<p class="muted">The photo is safe; its date or place may be another photo’s. Please look.</p>'
  return section(
    'Pairings worth a look',
    `${intro}<ul class="cards plain">${list.rows}</ul>${list.note}`,
    report.ambiguous.length,
  )
}

function renderRemarks(report: Report): string {
  if (report.remarks.length === 0) return ''
  const list = capped(report.remarks, (remark) => {
    const where = [remark.export, remark.path].filter((text) => text !== undefined)
    return `<li><p>${escapeHtml(remark.message)}</p><p class="muted">${where.map(path).join(' · ')}</p></li>`
  })
  return section('Remarks', `<ul class="cards plain">${list.rows}</ul>${list.note}`, report.remarks.length)
}

function renderIgnored(report: Report): string {
  if (report.ignored.length === 0) return ''
  const list = capped(
    report.ignored,
    ({ export: name, reason, count }) =>
      `<tr><td>${escapeHtml(reason)}</td><td class="muted">${escapeHtml(name)}</td><td class="number">${formatCount(count)}</td></tr>`,
  )
  return section('Ignored files', `<table>${list.rows}</table>${list.note}`, report.balance.byOutcome.ignored)
}
