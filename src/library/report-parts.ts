/**
 * What the sections of the report's page are put together from.
 *
 * @module
 */

import { formatCount } from '../units.ts'
import { escapeHtml } from './html.ts'

/** Rows of a list on the page. */
const MAX_ROWS = 200

/** @param title - Of the page's own words, or escaped. */
export function section(title: string, content: string, count?: number): string {
  const badge = count === undefined ? '' : ` <span class="badge">${formatCount(count)}</span>`
  return `<section><h2>${title}${badge}</h2>${content}</section>`
}

/** The first rows, and a note when there are more. */
export function capped<Value>(
  values: readonly Value[],
  render: (value: Value) => string,
): { readonly rows: string; readonly note: string } {
  const rows = values.slice(0, MAX_ROWS).map(render).join('')
  const rest = values.length - MAX_ROWS
  const note =
    rest > 0 ? `<p class="muted">And ${formatCount(rest)} more: see <code>report-latest.json</code>.</p>` : ''
  return { rows, note }
}

/** A path that may break at its separators, kept apart from the direction of the text around it. */
export function path(text: string): string {
  return `<bdi>${escapeHtml(text).replaceAll('/', '/<wbr>')}</bdi>`
}

export function time(at: number): string {
  const iso = new Date(at).toISOString()
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}
