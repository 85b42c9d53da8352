/**
 * Starts `autotag-server.ts` and talks to it.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FakeLoad } from '../test/support/fake-immich/load.ts'
import type { Contents, ServerCommand, ServerHello, ServerSettings, Traffic } from './autotag-server.ts'

const PROGRAM = fileURLToPath(new URL('./autotag-server.ts', import.meta.url))

export interface AutotagServer extends ServerHello {
  /** People do what `autotag-library.ts` has them do in a week. */
  week(): Promise<void>
  /** Files are written and read again, so that all dates follow. */
  runJobs(): Promise<void>
  /** Counts calls from now on. */
  forget(): Promise<void>
  load(load: FakeLoad | undefined): Promise<void>
  traffic(): Promise<Traffic>
  contents(): Promise<Contents>
  /** Since it was asked last, or the beginning: how many albums a list shows with other facts. */
  albumsChanged(): Promise<number>
  violations(): Promise<readonly string[]>
  close(): Promise<void>
}

export async function startAutotagServer(settings: ServerSettings): Promise<AutotagServer> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const hello = (await next(child)) as ServerHello
  const ask = async (command: ServerCommand): Promise<unknown> => {
    const answer = next(child)
    child.send(command)
    return await answer
  }
  return {
    ...hello,
    week: async () => void (await ask({ do: 'week' })),
    runJobs: async () => void (await ask({ do: 'jobs' })),
    forget: async () => void (await ask({ do: 'forget' })),
    load: async (load) => void (await ask({ do: 'load', load })),
    traffic: async () => (await ask({ do: 'traffic' })) as Traffic,
    contents: async () => (await ask({ do: 'contents' })) as Contents,
    albumsChanged: async () => (await ask({ do: 'albumsChanged' })) as number,
    violations: async () => (await ask({ do: 'violations' })) as string[],
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}

/** @throws {Error} when the process ends instead. */
async function next(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const ended = once(child, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(`the server ended with ${code}`)
  })
  ended.catch(() => undefined)
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: over.signal }), ended])) as [
      unknown,
    ]
    return message
  } finally {
    over.abort()
  }
}
