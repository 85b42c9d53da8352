/**
 * A coordinator's way to workers of other processes, opened only where it was asked for.
 *
 * Whose tasks they are is told with each of them: the library's id, and one of this run. So what a killed run has left
 * behind is known as such, and how it ends is told to nobody.
 *
 * @module
 */

import { createHash, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { systemClock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'
import type { LaneOptions } from '../queue/lane.ts'
import { HostWatch } from './host-watch.ts'
import { callLibrary } from './library-calls.ts'
import type { RemoteSettings } from './remote-api.ts'

/**
 * Connects. What carries the tasks is loaded here, since most runs have no use for it.
 *
 * @throws an error that says why, when the server cannot be reached within some seconds, or is not to be used
 */
export async function openRemote(
  settings: RemoteSettings,
  origin: string,
  logger: Logger,
): Promise<OpenRemoteLanes> {
  const { openRemoteLanes } = await import('../queue/bullmq/remote-lanes.ts')
  return openRemoteLanes({ ...settings.redis, origin, logger })
}

/**
 * Sees that the server can be reached and used, before anything is begun. Does nothing where nothing runs remotely.
 *
 * @throws as {@link openRemote}
 */
export async function requireRemote(settings: RemoteSettings | undefined): Promise<void> {
  if (settings === undefined) return
  const { connectRedis } = await import('../queue/bullmq/connection.ts')
  const connections = await connectRedis(settings.redis)
  connections.close()
}

/**
 * {@link openRemote} for one run, whose lease is held; undefined where nothing runs remotely.
 *
 * @param owner - {@link libraryOwner} or {@link folderOwner}; asked for only when it is needed.
 */
export async function openRemoteRun(
  settings: RemoteSettings | undefined,
  owner: () => string | Promise<string>,
  logger: Logger,
): Promise<OpenRemoteLanes | undefined> {
  if (settings === undefined) return undefined
  const lanes = await openRemote(settings, `${await owner()}/${randomUUID()}`, logger)
  const watch = new HostWatch({ lanes, clock: systemClock, logger })
  watch.start()
  return {
    runner: (options) => lanes.runner(options),
    workerHosts: () => lanes.workerHosts(),
    queueDepths: () => lanes.queueDepths(),
    close: () => {
      watch.stop()
      return lanes.close()
    },
  }
}

/** Where a lane's tasks run: in processes of this coordinator, as `lane` says, or remotely. */
export function placeLane(lane: LaneOptions, remote: RemoteSettings | undefined): LaneOptions {
  if (remote === undefined) return lane
  // Batches are for worker processes: of a window of thousands each, tens of thousands would be claimed ahead.
  return { ...lane, runsIn: 'remote', concurrency: remote.window, batchSize: 1 }
}

/** The id of a library that is open: who owns its tasks. */
export async function libraryOwner(backend: Backend): Promise<string> {
  const identity = await callLibrary(backend, 'library.read', null)
  if (identity === null) throw new TypeError('library has no id though it is open')
  return identity.id
}

/** Of a folder that is no library, and has no id: its place. */
export function folderOwner(root: string): string {
  return createHash('sha256').update(`${hostname()}\0${root}`).digest('hex').slice(0, 32)
}
