/**
 * What failed and why, reason by reason, with buttons to try it again.
 *
 * @module
 */

import { useState } from 'preact/hooks'
import type { TaskSummary } from '../../tasks/dashboard-tasks.ts'
import { formatCount, pluralize } from '../../units.ts'
import type { Actions } from './actions.ts'
import { agoOf, splitPath } from './headline.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

interface FailuresProps {
  /** The newest. */
  readonly failures: readonly TaskSummary[]
  /** Of all failed tasks, also those that are not listed. */
  readonly count: number
  readonly now: number
  readonly pending: ReadonlySet<string>
  readonly actions: Actions
  readonly onShow: (id: number) => void
}

/** Until somebody asks for more. */
const SHOWN = 4

export function Failures(props: FailuresProps): View {
  const { failures, count, pending, actions } = props
  const [showsAll, setShowsAll] = useState(false)
  if (count === 0) return null
  const groups = [...Map.groupBy(showsAll ? failures : failures.slice(0, SHOWN), codeOf)]
  const hidden = count - failures.length
  return html`<section class="card failures" aria-labelledby="failures-title">
    <header>
      <h2 id="failures-title">Failures <span class="count">${formatCount(count)}</span></h2>
      <button type="button" disabled=${pending.has('retry all')} onClick=${() => actions.retryAll()}>
        <${Icon} name="retry" />Retry all
      </button>
    </header>
    ${groups.map(([code, tasks]) => group(code, tasks, groups.length > 1, props))}
    ${
      failures.length > SHOWN &&
      html`<button type="button" class="quiet" aria-expanded=${showsAll} onClick=${() => setShowsAll(!showsAll)}>
        ${showsAll ? 'Show fewer' : `Show ${formatCount(failures.length - SHOWN)} more`}
      </button>`
    }
    ${showsAll && hidden > 0 && html`<p class="dim">${pluralize(hidden, 'older one')}: find them below.</p>`}
  </section>`
}

function codeOf({ error }: TaskSummary): string {
  return error?.code ?? 'unknown'
}

/** What tasks of one error have in common is said once. */
function group(
  code: string,
  tasks: readonly TaskSummary[],
  isOneOfSeveral: boolean,
  props: FailuresProps,
): View {
  const { pending, actions } = props
  const hint = tasks.find(({ error }) => error?.hint !== undefined)?.error?.hint
  return html`<div key=${code} class="group">
    <p class="hint"><code>${code}</code>${hint && ` ${hint}`}</p>
    ${
      isOneOfSeveral &&
      html`<button
        type="button"
        class="quiet"
        disabled=${pending.has(`retry ${code}`)}
        aria-label=${`Retry all tasks that failed with ${code}`}
        onClick=${() => actions.retryAll(code)}
      >
        Retry these
      </button>`
    }
    <ul>
      ${tasks.map((task) => failure(task, props))}
    </ul>
  </div>`
}

function failure(task: TaskSummary, { now, pending, actions, onShow }: FailuresProps): View {
  const { id, title, kind, error, finishedAt } = task
  const { name, folder } = splitPath(title)
  return html`<li key=${id}>
    <div class="what">
      <button type="button" class="link" title=${folder} onClick=${() => onShow(id)}>${name || `${kind} ${id}`}</button>
      <small>${kind} ${id}${finishedAt !== undefined && ` · ${agoOf(now - finishedAt)}`}</small>
    </div>
    <p class="why">${error?.message ?? 'No reason was given.'}</p>
    <button
      type="button"
      disabled=${pending.has(`retry ${id}`)}
      aria-label=${`Retry ${name || `task ${id}`}`}
      onClick=${() => actions.retry(id)}
    >
      <${Icon} name="retry" />Retry
    </button>
  </li>`
}
