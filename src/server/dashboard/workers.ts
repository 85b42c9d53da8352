/**
 * Worker processes with their memory, and the tasks that run.
 *
 * @module
 */

import type { TaskSummary } from '../../tasks/dashboard-tasks.ts'
import { formatBytes } from '../../units.ts'
import type { SnapshotView, WorkerView } from '../dashboard-events.ts'
import { agoOf, formatAge, splitPath } from './headline.ts'
import { html, type View } from './html.ts'
import { emptyText, readingOf } from './worker-words.ts'

interface WorkersProps {
  readonly snapshot: SnapshotView
  readonly running: readonly TaskSummary[]
  /** Newest first. */
  readonly settled: readonly TaskSummary[]
  readonly now: number
  readonly onShow: (id: number) => void
}

/** Tasks that have just ended. */
const SETTLED_SHOWN = 4

/** Rows of tasks that no known worker says it runs. */
const OTHERS_SHOWN = 8

export function Workers(props: WorkersProps): View {
  const { snapshot, running } = props
  const { workers } = snapshot
  const known = new Set(workers.map(({ taskId }) => taskId))
  // Of another process one sees the workers and the tasks, and not who has which.
  const others = workers.some(({ taskId }) => taskId !== undefined)
    ? []
    : running.filter(({ id }) => !known.has(id)).slice(0, OTHERS_SHOWN)
  const largest = Math.max(1, ...workers.map(({ memoryBytes = 0 }) => memoryBytes))
  const isEmpty = workers.length + others.length === 0
  return html`<section class="card workers" aria-labelledby="workers-title">
    <header>
      <h2 id="workers-title">Workers</h2>
      <p class="reading">${readingOf(snapshot)}</p>
    </header>
    ${
      isEmpty
        ? html`<p class="empty">${emptyText(snapshot)}</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">Lane</th>
                <th scope="col" class="number">For</th>
                <th scope="col" class="number">Memory</th>
                <th scope="col" class="number wide">Process</th>
              </tr>
            </thead>
            <tbody>
              ${workers.map((worker) => workerRow(worker, largest, props))}${others.map((task) => taskRow(task, props))}
            </tbody>
          </table>`
    }
    ${latest(props)}
  </section>`
}

function latest({ settled, now, onShow }: WorkersProps): View {
  if (settled.length === 0) return null
  return html`<ul class="latest" aria-label="Ended last">
    ${settled.slice(0, SETTLED_SHOWN).map(
      (task) =>
        html`<li key=${task.id}>
          ${taskLink(task.id, task, onShow)}
          <span><span class=${`status ${task.status}`}>${task.status}</span> ${agoOf(now - (task.finishedAt ?? now))}</span>
        </li>`,
    )}
  </ul>`
}

function workerRow(worker: WorkerView, largest: number, { running, now, onShow }: WorkersProps): View {
  const { pid, lane, memoryBytes, taskId, busySince } = worker
  const task = running.find(({ id }) => id === taskId)
  return html`<tr key=${`pid ${pid}`}>
    <td class="task">${taskId === undefined ? html`<span class="dim">idle</span>` : taskLink(taskId, task, onShow)}</td>
    <td>${lane}</td>
    <td class="number">${busySince === undefined ? '' : formatAge(Math.max(0, now - busySince))}</td>
    <td class="number">
      ${memoryBytes === undefined ? '–' : formatBytes(memoryBytes)}
      <span class="bar thin" aria-hidden="true"><span style=${{ width: `${((memoryBytes ?? 0) / largest) * 100}%` }}></span></span>
    </td>
    <td class="number wide">${pid}</td>
  </tr>`
}

function taskRow(task: TaskSummary, { now, onShow }: WorkersProps): View {
  const { id, lane, startedAt } = task
  return html`<tr key=${`task ${id}`}>
    <td class="task">${taskLink(id, task, onShow)}</td>
    <td>${lane}</td>
    <td class="number">${startedAt === undefined ? '' : formatAge(Math.max(0, now - startedAt))}</td>
    <td class="number">–</td>
    <td class="number wide">–</td>
  </tr>`
}

function taskLink(id: number, task: TaskSummary | undefined, onShow: (id: number) => void): View {
  const title = task?.title || `task ${id}`
  return html`<button type="button" class="link" title=${title} onClick=${() => onShow(id)}>${splitPath(title).name}</button>`
}
