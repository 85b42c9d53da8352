/**
 * What buttons do: ask the server, and say what came of it.
 *
 * @module
 */

import type { Task } from '../../queue/task.ts'
import type { TaskPage, TaskQuery } from '../../tasks/dashboard-tasks.ts'
import { pluralize } from '../../units.ts'
import type { Notice, ViewEvent } from './view-state.ts'

export type ShownTask = Task & { readonly title: string }

export interface Actions {
  retry(id: number): Promise<void>
  /** All failed ones, or those with this error. */
  retryAll(errorCode?: string): Promise<void>
  cancel(id: number): Promise<void>
  setPaused(lane: string, paused: boolean): Promise<void>
}

/** An answer that is no success, in the server's own words. */
export class AnswerError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function createActions(dispatch: (event: ViewEvent) => void): Actions {
  const act = async (
    action: string,
    path: string,
    body: unknown,
    words: (answer: unknown) => string,
  ): Promise<void> => {
    dispatch({ type: 'asked', action })
    let notice: Omit<Notice, 'id'>
    try {
      notice = { kind: 'done', text: words(await ask(path, body)) }
    } catch (error) {
      notice = { kind: 'problem', text: error instanceof Error ? error.message : String(error) }
    }
    dispatch({ type: 'answered', action, notice })
  }
  return {
    retry: (id) =>
      act(`retry ${id}`, `/api/queue/tasks/${id}/retry`, undefined, () => `Task ${id} is tried again`),
    retryAll: (errorCode) =>
      act(
        `retry ${errorCode ?? 'all'}`,
        '/api/queue/retry-failed',
        errorCode === undefined ? {} : { errorCode },
        (answer) => {
          const { count } = answer as { readonly count: number }
          return count === 0
            ? 'There was nothing to try again'
            : `${pluralize(count, 'task')} to be tried again`
        },
      ),
    cancel: (id) =>
      act(`cancel ${id}`, `/api/queue/tasks/${id}/cancel`, undefined, (answer) =>
        (answer as { readonly requested: readonly number[] }).requested.length > 0
          ? `Task ${id} was asked to end`
          : `Task ${id} is cancelled`,
      ),
    setPaused: (lane, paused) =>
      act(
        `lane ${lane}`,
        `/api/queue/lanes/${encodeURIComponent(lane)}/${paused ? 'pause' : 'resume'}`,
        undefined,
        () => (paused ? `${lane} is paused: what runs is finished` : `${lane} goes on`),
      ),
  }
}

/** Newest first. */
export async function searchTasks(query: TaskQuery, signal: AbortSignal): Promise<TaskPage> {
  const words = new URLSearchParams({ limit: String(query.limit) })
  if (query.text) words.set('q', query.text)
  if (query.status) words.set('status', query.status)
  if (query.before) words.set('before', String(query.before))
  return (await read(await fetch(`/api/queue/tasks?${words}`, { signal }))) as TaskPage
}

export async function fetchTask(id: number): Promise<ShownTask> {
  return (await read(await fetch(`/api/queue/tasks/${id}`))) as ShownTask
}

async function ask(path: string, body: unknown): Promise<unknown> {
  const init: RequestInit =
    body === undefined
      ? { method: 'POST' }
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  let response: Response
  try {
    response = await fetch(path, init)
  } catch {
    throw new AnswerError(0, 'The server cannot be reached')
  }
  return read(response)
}

async function read(response: Response): Promise<unknown> {
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok)
    throw new AnswerError(response.status, wordsOf(answer) ?? `The server answered ${response.status}`)
  return answer
}

/** The message and the hint of an error answer. */
export function wordsOf(answer: unknown): string | undefined {
  const { error } = (answer ?? {}) as {
    readonly error?: { readonly message?: string; readonly hint?: string }
  }
  if (error?.message === undefined) return undefined
  const message = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}`
  return error.hint === undefined ? message : `${message}. ${error.hint}`
}
