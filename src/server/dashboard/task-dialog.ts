/**
 * Everything about one task.
 *
 * @module
 */

import { useEffect, useRef, useState } from 'preact/hooks'
import { formatDuration } from '../../units.ts'
import { type Actions, fetchTask, type ShownTask } from './actions.ts'
import { formatAge } from './headline.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

interface TaskDialogProps {
  readonly id: number
  readonly now: number
  readonly pending: ReadonlySet<string>
  readonly actions: Actions
  readonly onClose: () => void
}

/** Looks again this often while it is open: the task may run. */
const LOOK_MS = 2_000

/** Of a payload or result. */
const SHOWN_LENGTH = 20_000

export function TaskDialog({ id, now, pending, actions, onClose }: TaskDialogProps): View {
  const dialog = useRef<HTMLDialogElement>(null)
  const { task, problem, look } = useTask(id)
  useEffect(() => dialog.current?.showModal(), [])
  const isOpen = task !== undefined && ['waiting', 'pending', 'retry', 'processing'].includes(task.status)
  return html`<dialog class="task-dialog" ref=${dialog} aria-labelledby="task-title" onClose=${onClose}>
    <header>
      <h2 id="task-title">${task?.title || `Task ${id}`}</h2>
      <button type="button" class="round" aria-label="Close" onClick=${() => dialog.current?.close()}><${Icon} name="close" /></button>
    </header>
    ${problem !== undefined && html`<p class="bad">${problem}</p>`}
    ${task !== undefined && details(task, now)}
    <footer>
      ${
        task?.status === 'failed' &&
        html`<button type="button" class="primary" disabled=${pending.has(`retry ${id}`)} onClick=${() => actions.retry(id).then(look)}>
          <${Icon} name="retry" />Retry
        </button>`
      }
      ${
        isOpen &&
        html`<button type="button" disabled=${pending.has(`cancel ${id}`)} onClick=${() => actions.cancel(id).then(look)}>Cancel task</button>`
      }
    </footer>
  </dialog>`
}

function useTask(id: number): {
  readonly task?: ShownTask
  readonly problem?: string
  readonly look: () => void
} {
  const [task, setTask] = useState<ShownTask | undefined>(undefined)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const isGone = useRef(false)
  const look = (): void => {
    const unless = (show: () => void): void => {
      if (!isGone.current) show()
    }
    fetchTask(id).then(
      (found) =>
        unless(() => {
          setTask(found)
          setProblem(undefined)
        }),
      (error: unknown) => unless(() => setProblem(error instanceof Error ? error.message : String(error))),
    )
  }
  useEffect(() => {
    look()
    const timer = setInterval(look, LOOK_MS)
    return () => {
      isGone.current = true
      clearInterval(timer)
    }
  }, [id])
  return { look, ...(task && { task }), ...(problem && { problem }) }
}

function details(task: ShownTask, now: number): View {
  const { kind, id, lane, status, error, progress } = task
  return html`<div class="details">
    ${
      error !== undefined &&
      status !== 'completed' &&
      html`<p class="bad">${error.message}</p>
        <p class="hint">${error.hint ?? ''} <code>${error.code}</code></p>`
    }
    <dl>
      ${fact('Task', `${kind} ${id}`)}${fact('Lane', lane)}${fact('Status', html`<span class=${`status ${status}`}>${status}</span>`)}
      ${timesOf(task, now).map(([name, value]) => fact(name, value))}
      ${fact('Attempts', `${task.attempt}, ${task.failures} of them failed; given up after ${task.maxRetries + 1}`)}
      ${progress !== undefined && fact('Progress', JSON.stringify(progress))}
      ${task.group !== undefined && fact('Group', task.group)}
      ${task.workerId !== undefined && fact('Worker', task.workerId)}
    </dl>
    ${json('Payload', task.payload)}${task.result !== undefined && json('Result', task.result)}
  </div>`
}

function fact(name: string, value: unknown): View {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

function timesOf(
  { createdAt, startedAt, finishedAt, status, runAt }: ShownTask,
  now: number,
): [string, string][] {
  const ago = (at: number): string =>
    `${new Date(at).toLocaleString()} (${formatAge(Math.max(0, now - at))} ago)`
  const times: [string, string][] = [['Added', ago(createdAt)]]
  if (status === 'retry' && runAt > now) times.push(['Next attempt', `in ${formatDuration(runAt - now)}`])
  if (startedAt !== undefined) times.push(['Started', ago(startedAt)])
  if (finishedAt !== undefined && startedAt !== undefined)
    times.push(['Ended', `${ago(finishedAt)}, after ${formatDuration(Math.max(0, finishedAt - startedAt))}`])
  return times
}

function json(name: string, value: unknown): View {
  const text = JSON.stringify(value, null, 2) ?? ''
  return html`<details open=${name === 'Payload' && text.length < 1_500}>
    <summary>${name}</summary>
    <pre tabindex="0">${text.slice(0, SHOWN_LENGTH)}${text.length > SHOWN_LENGTH ? '\n…' : ''}</pre>
  </details>`
}
