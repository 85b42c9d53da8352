/**
 * What a worker process of a worker host can do: the handlers of `worker-module.ts`, for tasks of other hosts.
 *
 * What comes in was checked and translated by the worker host (`remote-payload.ts`), which also sends along what this
 * process has to know of the host: nothing is on its command line or in a file. Here is what has to be looked at on the
 * disk, close to its use, and the way back: everything that leaves has the coordinator's paths.
 *
 * @module
 */

import { randomInt } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toErrorRecord } from '../errors.ts'
import type { Handler, TaskContext } from '../queue/handler.ts'
import { ForwardedError } from '../queue/queue-errors.ts'
import type { ItemPayload, ItemResult } from './item.ts'
import { type MappedPaths, mappedPaths } from './remote-paths.ts'
import {
  type HostedTask,
  hasFailedCopy,
  itemPaths,
  type RemoteKind,
  type TouchedPaths,
  tellError,
  tellHashed,
  tellItemResult,
  thumbnailPaths,
} from './remote-payload-paths.ts'
import {
  RootUnreachableError,
  realRoots,
  requireFolders,
  requireInside,
  requireRoots,
} from './remote-worker-roots.ts'
import type { HashedChunk, ThumbnailPayload } from './thumbnail-task.ts'
import { handlers as localHandlers } from './worker-module.ts'

export { prepare, shutdown } from './worker-module.ts'

/** What the way back needs to know of a kind. */
interface KindOfTask {
  readonly touched: (task: HostedTask) => TouchedPaths
  /** The payload for the local handler. */
  readonly payload: (task: HostedTask) => Promise<unknown>
  /** Whether the result tells of inputs that could not be read. */
  readonly isDoubtful: (result: unknown) => boolean
  readonly tell: (result: unknown, paths: MappedPaths) => unknown
}

const KINDS: Readonly<Record<RemoteKind, KindOfTask>> = {
  item: {
    touched: ({ payload }) => itemPaths(payload as ItemPayload),
    payload: async ({ payload }) => payload,
    isDoubtful: (result) => hasFailedCopy(result as ItemResult),
    tell: (result, paths) => tellItemResult(result as ItemResult, paths),
  },
  thumbnail: {
    touched: ({ payload }) => thumbnailPaths(payload as ThumbnailPayload),
    payload: async ({ payload, scratch }) => ({ ...payload, tempFolder: await ownScratch(scratch) }),
    isDoubtful: () => false,
    // Names of objects and addresses of stores are the same everywhere.
    tell: (result) => result,
  },
}

export const handlers: Readonly<Record<RemoteKind, Handler>> = {
  item: (task: HostedTask, context) => run('item', task, context),
  thumbnail: (task: HostedTask, context) => run('thumbnail', task, context),
}

async function run(kind: RemoteKind, task: HostedTask, context: TaskContext): Promise<unknown> {
  const { touched, payload, isDoubtful, tell } = KINDS[kind]
  const paths = mappedPaths(task.roots)
  const { files, folders } = touched(task)
  const here = new Set([...files, ...folders].map((path) => paths.rootOf(path)))
  const used = task.roots.filter((root) => here.has(root.here))
  try {
    await requireFolders(folders)
    const real = await realRoots(task.roots)
    for (const path of [...folders, ...files]) await requireInside(path, real)
    const handler = localHandlers[kind] as (payload: unknown, context: TaskContext) => Promise<unknown>
    const result = await handler(await payload(task), new RemoteContext(task, context, paths))
    if (isDoubtful(result)) await requireRoots(used)
    return tell(result, paths)
  } catch (error) {
    throw new ForwardedError(tellError(toErrorRecord(await realCause(error, used)), paths.tell))
  }
}

/** What went wrong may have gone wrong because a folder is away. */
async function realCause(error: unknown, used: Parameters<typeof requireRoots>[0]): Promise<unknown> {
  if (error instanceof RootUnreachableError) return error
  return requireRoots(used).then(
    () => error,
    (cause: unknown) => cause,
  )
}

/** The local handler's context: the coordinator's task, and an attempt that nobody else has. */
class RemoteContext implements TaskContext {
  readonly taskId: number
  readonly kind: string
  readonly attempt: number
  readonly emit: TaskContext['emit']
  readonly progress: TaskContext['progress']
  readonly yieldTurn: TaskContext['yieldTurn']
  readonly #outer: TaskContext

  constructor({ taskId, attempt }: HostedTask, outer: TaskContext, paths: MappedPaths) {
    this.taskId = taskId
    this.kind = outer.kind
    this.attempt = toRunAttempt(attempt)
    this.#outer = outer
    this.emit = async (chunk) => outer.emit(tellChunk(chunk, paths))
    this.progress = (value) => outer.progress(value)
    this.yieldTurn = () => outer.yieldTurn()
  }

  /** Made when it is asked for, like the outer one. */
  get signal(): AbortSignal {
    return this.#outer.signal
  }
}

const RUNS_PER_ATTEMPT = 2 ** 32

/**
 * The number in the names of an attempt's temporary files. One attempt may be run twice at the same time (a worker that
 * hung is given up, and goes on): so each run has its own, and what the one writes or removes is not the other's. Exact up to
 * attempt 2^21.
 */
export function toRunAttempt(attempt: number): number {
  return attempt * RUNS_PER_ATTEMPT + randomInt(RUNS_PER_ATTEMPT)
}

/** The only thing that these kinds emit. @throws TypeError for anything else: its paths would be those of this host */
function tellChunk(chunk: unknown, paths: MappedPaths): HashedChunk {
  if (typeof chunk === 'object' && chunk !== null && 'type' in chunk && chunk.type === 'hashed')
    return tellHashed(chunk as HashedChunk, paths)
  throw new TypeError('task emits what is not known how to be told to its coordinator')
}

/** A folder of this process, which its worker host removes with all in it when the process has ended. */
async function ownScratch(scratch: string): Promise<string> {
  const folder = join(scratch, String(process.pid))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}
