/**
 * What a worker process runs: plain functions by task kind.
 *
 * @module
 */

export interface TaskContext {
  readonly taskId: number
  readonly kind: string
  readonly attempt: number
  /** Aborted when the coordinator wants the work to end; a process that does not listen is killed. */
  readonly signal: AbortSignal
  /**
   * Sends a part of the result ahead and waits until the coordinator has dealt with it, so that a task with a
   * long result needs little memory. An attempt that is run again emits again: dealing with it is idempotent.
   */
  emit(chunk: unknown): Promise<unknown>
  /** Reports progress; never waits. The newest is told ten times a second at most, and stored once a second. */
  progress(value: unknown): void
  /**
   * Says that from here on this task only waits (for the disk, say) and computes no more: the process begins its
   * next task meanwhile. Results are still reported in the order of the tasks. Nothing shared between tasks may be
   * touched afterwards. Safe twice; without effect in the coordinator, where tasks run side by side anyway.
   */
  yieldTurn(): void
}

/** Turns a payload into a result. Both must survive structured cloning and JSON. */
export type Handler = (payload: never, context: TaskContext) => Promise<unknown>

/** The exports of a module that worker processes load. */
export interface WorkerModule {
  /** By task kind. */
  readonly handlers: Readonly<Record<string, Handler>>
  /**
   * Called once when the process has started, with the lane that it will work for: the time to load what its tasks
   * need. Tasks do not wait for it.
   */
  readonly prepare?: (lane: string) => Promise<void>
  /** Called before the process ends by itself: closes children and files. */
  readonly shutdown?: () => Promise<void>
}
