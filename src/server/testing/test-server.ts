/**
 * A real server on a library of its own in a temporary folder, for tests of routes.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../../logger.ts'
import { DEFAULT_THUMBNAIL_LIMITS, DEFAULT_THUMBNAIL_OPTIONS } from '../../media/thumbnail/thumbnail.ts'
import { type RunningServer, type ServeOptions, startServer } from '../serve.ts'
import type { ServerContext } from '../server-context.ts'

export interface TestServer extends AsyncDisposable {
  readonly running: RunningServer
  readonly context: ServerContext
  /** `http://127.0.0.1:PORT`. */
  readonly address: string
  /** The library. */
  readonly folder: string
  /** As the global one, with an address below the server's. */
  fetch(path: string, init?: RequestInit): Promise<Response>
}

/**
 * @param changes.workers - Default 0: tasks are added and none runs, so that no process is started.
 * @param changes.folder - A library that is there already, and stays there.
 */
export async function startTestServer(
  changes: Partial<ServeOptions> & { readonly workers?: number; readonly folder?: string } = {},
): Promise<TestServer> {
  const { workers = 0, folder: given, ...options } = changes
  const base = await mkdtemp(join(tmpdir(), 'heirloom-server-'))
  const folder = given ?? join(base, 'library')
  const running = await startServer({
    library: folder,
    state: undefined,
    host: '127.0.0.1',
    port: 0,
    storage: undefined,
    maxUploadBytes: 2_000_000,
    thumbnails: {
      options: DEFAULT_THUMBNAIL_OPTIONS,
      maxPixels: DEFAULT_THUMBNAIL_LIMITS.maxPixels,
      timeoutMs: 30_000,
      workers,
      cpus: 2,
      retryFailed: false,
    },
    newToken: false,
    logger: silentLogger,
    ...options,
  })
  const { address, context } = running
  return {
    running,
    context,
    address,
    folder,
    fetch: (path, init) => fetch(`${address}${path}`, init),
    [Symbol.asyncDispose]: async () => {
      await running.close({ graceful: false })
      await rm(base, { recursive: true, force: true })
    },
  }
}
