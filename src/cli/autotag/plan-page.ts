/**
 * A plan as a page to read: one file, no script, no network.
 *
 * @module
 */

import type { Plan, Step } from '../../immich/autotag/plan.ts'
import { escapeHtml } from '../../library/html.ts'
import { formatCount, pluralize } from '../../units.ts'
import { autotagPage } from './page.ts'
import { STEP_KINDS, sizeOf, stepWords } from './plan-words.ts'

/** Links to assets below a step; the rest is told by its count, so that a page of 100,000 changes still opens. */
const MAX_LINKS = 200

const PLAN_STYLE = `
td.sign{width:1.4rem;font-weight:700}.plus{color:var(--imported)}.minus{color:var(--failed)}.changed{color:var(--sidecar)}
td.rule{width:1%;white-space:nowrap;overflow-wrap:normal;color:var(--muted);font-size:.85rem;padding-right:0}
td details{margin:.2rem 0 0}td ul{columns:12rem;font-size:.82rem}
@media (max-width:30rem){td.rule{max-width:6rem;white-space:normal;font-size:.75rem}}
`

const SIGN_CLASSES = { '+': 'plus', '-': 'minus', '~': 'changed' } as const

export function planPage(plan: Plan): string {
  const groups = [...Map.groupBy(plan.steps, ({ op }) => op)]
  const header = `<header>
<p class="eyebrow">Heirloom autotag</p>
<h1>${plan.steps.length === 0 ? 'Nothing to change' : 'What the rules would change'}</h1>
<p class="muted">${escapeHtml(plan.server.address)}, as of ${escapeHtml(plan.snapshot.takenAt)}; ${pluralize(plan.snapshot.assets, 'asset')} looked at</p>
<div class="tiles">${groups.map(([op, steps]) => tile(op, steps)).join('')}</div>
</header>`
  const sections = groups.map(([op, steps]) => section(op, steps, plan))
  const footer = `<footer>Plan <code>${escapeHtml(plan.id.slice(0, 12))}</code>. Nothing of it is done until it is applied.</footer>`
  return autotagPage(
    'Autotag plan',
    PLAN_STYLE,
    [header, ...sections, overrides(plan), remarks(plan), footer].join('\n'),
  )
}

function countOf(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + sizeOf(step), 0)
}

function tile(op: Step['op'], steps: readonly Step[]): string {
  const count = countOf(steps)
  const [one, many] = STEP_KINDS[op]
  return `<div><b>${formatCount(count)}</b><span>${count === 1 ? one : many}</span></div>`
}

function section(op: Step['op'], steps: readonly Step[], plan: Plan): string {
  const [, many] = STEP_KINDS[op]
  return `<section>
<h2>${many.charAt(0).toUpperCase()}${many.slice(1)}</h2>
<div class="wide"><table>${steps.map((step) => row(step, plan)).join('\n')}</table></div>
</section>`
}

function row(step: Step, plan: Plan): string {
  const { sign, what, rule, was } = stepWords(step)
  const before = was === '' ? '' : `<p class="muted">was ${escapeHtml(was)}</p>`
  const assets = 'assetIds' in step ? links(step.assetIds, plan) : ''
  return `<tr><td class="sign ${SIGN_CLASSES[sign]}">${sign === '-' ? '−' : sign}</td><td>${escapeHtml(what)}${before}${assets}</td><td class="rule">${escapeHtml(rule)}</td></tr>`
}

function links(assetIds: readonly string[], plan: Plan): string {
  if (assetIds.length === 0) return ''
  const shown = assetIds.slice(0, MAX_LINKS)
  const items = shown.map((id) => {
    const address = `${plan.server.address}/photos/${encodeURIComponent(id)}`
    return `<li><a href="${escapeHtml(address)}"><code>${escapeHtml(id.slice(0, 8))}</code></a></li>`
  })
  const more = assetIds.length - shown.length
  const rest = more > 0 ? `<p class="muted">and ${formatCount(more)} more, in the plan's JSON</p>` : ''
  return `<details><summary>${pluralize(assetIds.length, 'asset')}</summary><ul>${items.join('')}</ul>${rest}</details>`
}

function overrides({ overrides: all }: Plan): string {
  if (all.length === 0) return ''
  const rows = [...Map.groupBy(all, ({ says, rule }) => JSON.stringify([says, rule])).values()].map((of) => {
    const [one] = of
    return `<li><p>${escapeHtml(one?.says ?? '')}</p><p class="muted">${escapeHtml(one?.rule ?? '')}, ${formatCount(of.length)} ×</p></li>`
  })
  return `<section><h2>Left as it is: somebody took it back</h2><ul class="cards plain">${rows.join('')}</ul></section>`
}

function remarks({ remarks: all }: Plan): string {
  if (all.length === 0) return ''
  const rows = all.map(
    ({ says, rule, assetIds }) =>
      `<li><p>${escapeHtml(says)}</p><p class="muted">${escapeHtml(rule)}${assetIds.length > 1 ? `, ${pluralize(assetIds.length, 'asset')}` : ''}</p></li>`,
  )
  return `<section><h2>Worth a look</h2><ul class="cards plain">${rows.join('')}</ul></section>`
}
