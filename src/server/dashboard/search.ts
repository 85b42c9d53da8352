/**
 * Search in the tasks: by the name of a file, an id, a kind, a group, the words of an error.
 *
 * @module
 */

import { useEffect, useState } from 'preact/hooks'
import type { TaskStatus } from '../../queue/task.ts'
import type { TaskPage, TaskSummary } from '../../tasks/dashboard-tasks.ts'
import { formatCount } from '../../units.ts'
import { searchTasks } from './actions.ts'
import { formatAge, splitPath } from './headline.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

const STATUSES: readonly TaskStatus[] = [
  'waiting',
  'pending',
  'processing',
  'retry',
  'completed',
  'failed',
  'cancelled',
]

/** After the last key; a look at tens of thousands of tasks is not worth every letter. */
const TYPING_MS = 250
const PAGE = 25

interface Found {
  readonly tasks: readonly TaskSummary[]
  readonly walked: number
  readonly nextBefore?: number
}

export function Search({
  now,
  onShow,
}: {
  readonly now: number
  readonly onShow: (id: number) => void
}): View {
  const [text, setText] = useState('')
  const [status, setStatus] = useState('')
  const { found, problem, isBusy, more } = useSearch(text.trim(), status)
  return html`<section class="card search" aria-labelledby="search-title">
    <header><h2 id="search-title">Find tasks</h2></header>
    <form role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label class="field">
        <span class="unseen">Search</span>
        <${Icon} name="search" />
        <input
          type="search"
          placeholder="File name, id, kind, error…"
          value=${text}
          maxlength="200"
          onInput=${(event: Event) => setText((event.target as HTMLInputElement).value)}
        />
      </label>
      <label>
        <span class="unseen">Status</span>
        <select value=${status} onChange=${(event: Event) => setStatus((event.target as HTMLSelectElement).value)}>
          <option value="">any status</option>
          ${STATUSES.map((one) => html`<option value=${one}>${one}</option>`)}
        </select>
      </label>
    </form>
    <p class="found" role="status">${problem ?? wordsOf(found, isBusy)}</p>
    ${
      found !== undefined &&
      html`<ul class="tasks">
        ${found.tasks.map((task) => taskRow(task, now, onShow))}
      </ul>`
    }
    ${
      found?.nextBefore !== undefined &&
      html`<button type="button" class="quiet" disabled=${isBusy} onClick=${more}>
        ${found.tasks.length === 0 ? 'Look further back' : 'Show more'}
      </button>`
    }
  </section>`
}

function taskRow(task: TaskSummary, now: number, onShow: (id: number) => void): View {
  const { id, kind, status, title, error, finishedAt, startedAt, createdAt } = task
  const { name, folder } = splitPath(title)
  const age = formatAge(Math.max(0, now - (finishedAt ?? startedAt ?? createdAt)))
  return html`<li key=${id}>
    <span class=${`status ${status}`}>${status}</span>
    <span class="what">
      <button type="button" class="link" onClick=${() => onShow(id)}>${name || `${kind} ${id}`}</button>
      <small>${kind} ${id}${folder && ` · ${folder}`}${error !== undefined && status !== 'completed' ? ` · ${error.message}` : ''}</small>
    </span>
    <small class="age">${age}</small>
  </li>`
}

function wordsOf(found: Found | undefined, isBusy: boolean): string {
  if (found === undefined) return isBusy ? 'Searching…' : ''
  const { tasks, walked, nextBefore } = found
  if (tasks.length > 0) return ''
  if (nextBefore !== undefined) return `Nothing among the newest ${formatCount(walked)} tasks.`
  return walked === 0 ? 'There are no such tasks.' : 'Nothing found.'
}

function useSearch(
  text: string,
  status: string,
): {
  readonly found?: Found
  readonly problem?: string
  readonly isBusy: boolean
  readonly more: () => void
} {
  const [found, setFound] = useState<Found | undefined>(undefined)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const [isBusy, setIsBusy] = useState(false)
  const isAsked = text !== '' || status !== ''
  const query = {
    limit: PAGE,
    ...(text === '' ? {} : { text }),
    ...(status === '' ? {} : { status: status as TaskStatus }),
  }
  const look = async (signal: AbortSignal, earlier?: Found): Promise<void> => {
    setIsBusy(true)
    try {
      const { nextBefore: before } = earlier ?? {}
      const page = await searchTasks({ ...query, ...(before === undefined ? {} : { before }) }, signal)
      setFound(append(earlier, page))
      setProblem(undefined)
    } catch (error) {
      if (signal.aborted) return
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setIsBusy(false)
  }
  useEffect(() => {
    setFound(undefined)
    setProblem(undefined)
    if (!isAsked) return
    const ended = new AbortController()
    const timer = setTimeout(() => void look(ended.signal), TYPING_MS)
    return () => {
      clearTimeout(timer)
      ended.abort()
    }
  }, [text, status])
  const more = (): void => void look(new AbortController().signal, found)
  return { isBusy, more, ...(found && { found }), ...(problem && { problem }) }
}

function append(earlier: Found | undefined, { tasks, walked, nextBefore }: TaskPage): Found {
  return {
    tasks: [...(earlier?.tasks ?? []), ...tasks],
    walked: (earlier?.walked ?? 0) + walked,
    ...(nextBefore === undefined ? {} : { nextBefore }),
  }
}
