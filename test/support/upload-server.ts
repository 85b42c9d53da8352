/**
 * A fake Immich in a process of its own, that can be killed and comes back with what it had answered.
 *
 * The process is `upload-server-program.ts`. Its state lies in a folder, as that of the real server in a database:
 * whatever an answer says is on the disk before the answer leaves.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deserialize } from 'node:v8'
import type { FakeState } from './fake-immich/fake-state.ts'
import type { Fault } from './fake-immich/faults.ts'

const PROGRAM = fileURLToPath(new URL('upload-server-program.ts', import.meta.url))

/** What is kept: the tables of the fake, what its clients did wrong, and its counters. */
export type KeptState = Pick<
  FakeState,
  'users' | 'keys' | 'assets' | 'albums' | 'stacks' | 'tags' | 'violations' | 'counters'
>

export interface ServerProcessOptions {
  /** Where its state and its log lie; empty at first. */
  readonly folder: string
  readonly faults?: readonly Fault[]
}

export interface ServerProcess {
  readonly address: string
  readonly key: string
  /** As of the last answer that changed something. */
  readState(): KeptState
  /** Requests that began, over all its lives: `POST /api/assets`. */
  requests(): readonly string[]
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** After {@link kill}: on the same port, with the same state. */
  start(): Promise<void>
}

export const stateFile = (folder: string): string => join(folder, 'state')
export const requestFile = (folder: string): string => join(folder, 'requests')

const KEY = 'key-of-the-upload-server'

export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  appendFileSync(requestFile(options.folder), '')
  const server = new KilledServer(options)
  await server.start()
  return server
}

class KilledServer implements ServerProcess {
  readonly key: string = KEY
  address = ''
  readonly #options: ServerProcessOptions
  #port = 0
  #child: ChildProcess | undefined

  constructor(options: ServerProcessOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { folder, faults = [] } = this.#options
    const settings = { folder, key: KEY, port: this.#port, faults }
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    this.#port = Number(line)
    this.address = `http://127.0.0.1:${this.#port}`
  }

  readState(): KeptState {
    return readKeptState(this.#options.folder)
  }

  requests(): readonly string[] {
    return readFileSync(requestFile(this.#options.folder), 'utf8').split('\n').slice(0, -1)
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

/** @throws When nothing was kept yet: the program keeps its state before it listens. */
export function readKeptState(folder: string): KeptState {
  return deserialize(readFileSync(stateFile(folder))) as KeptState
}

export function hasKeptState(folder: string): boolean {
  return existsSync(stateFile(folder))
}
