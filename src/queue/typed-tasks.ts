/**
 * What the compiler knows of tasks, read off the handlers: which kinds there are, and what each takes and answers.
 *
 * Types only. `QueueManager<typeof import('./work.ts').handlers>` refuses a kind that nobody handles and a payload
 * that its handler cannot read, without the module being loaded here.
 *
 * @module
 */

import type { Schedule } from './backend.ts'
import type { Handler } from './handler.ts'
import type { NewTask, Task } from './task.ts'

/** Handlers by task kind, as a worker module exports them. */
export type HandlerMap = Readonly<Record<string, Handler>>

/** What a kind's handler takes; `unknown` when nothing is known of it. */
export type PayloadOf<Handlers, Kind extends keyof Handlers> = Handlers[Kind] extends (
  payload: infer Payload,
  ...rest: never[]
) => unknown
  ? [Payload] extends [never]
    ? unknown
    : Payload
  : never

/** What a kind's handler answers. */
export type ResultOf<Handlers, Kind extends keyof Handlers> = Handlers[Kind] extends (
  ...parameters: never[]
) => infer Result
  ? Awaited<Result>
  : never

/** The payload may be left out where the handler takes none. */
type PayloadField<Payload> = unknown extends Payload
  ? { readonly payload?: unknown }
  : undefined extends Payload
    ? { readonly payload?: Payload }
    : { readonly payload: Payload }

/** What a task may say besides its kind and payload; its lane may be left out. */
export type TaskOptions = Omit<NewTask, 'kind' | 'payload' | 'lane'> & { readonly lane?: string }

/** A task to add: one of the kinds, with the payload of that kind. */
export type TaskOf<Handlers extends HandlerMap> = {
  readonly [Kind in keyof Handlers & string]: TaskOptions & { readonly kind: Kind } & PayloadField<
      PayloadOf<Handlers, Kind>
    >
}[keyof Handlers & string]

/** A task as stored. Once its `kind` is compared, payload and result are those of that kind. */
export type StoredTaskOf<Handlers extends HandlerMap> = {
  readonly [Kind in keyof Handlers & string]: Omit<Task<PayloadOf<Handlers, Kind>>, 'kind' | 'result'> & {
    readonly kind: Kind
    readonly result?: ResultOf<Handlers, Kind>
  }
}[keyof Handlers & string]

type Scheduled<Task> = Task extends unknown
  ? Omit<Task, 'runAt' | 'dependsOn' | 'ref' | 'dedupeKey' | 'onDuplicate'>
  : never

/** A schedule whose task is one of the kinds. */
export type ScheduleOf<Handlers extends HandlerMap> = Omit<Schedule, 'task'> & {
  readonly task: Scheduled<TaskOf<Handlers>>
}
