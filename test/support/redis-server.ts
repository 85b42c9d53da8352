/**
 * A Redis server of a test's own: started on a free port in a temporary folder, or the one that `REDIS_URL` names.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** What a test says when it skips because {@link startRedis} answered undefined. */
export const NO_REDIS = 'no redis-server on the PATH and no REDIS_URL'

const LIMIT_MS = 10_000

export interface TestRedisOptions {
  /** Default `no`. */
  readonly appendOnly?: 'no' | 'everysec' | 'always'
  /** Default: a free one. */
  readonly port?: number
  /** Listens on a socket in its folder only: {@link TestRedis.url} names that. */
  readonly unixOnly?: boolean
  /** More arguments for the server. */
  readonly args?: readonly string[]
}

export interface TestRedis {
  readonly url: string
  /** Of the server of `REDIS_URL` as far as it is known. */
  readonly port: number
  /** Of the process now; undefined while it is stopped, and always for the server of `REDIS_URL`. */
  readonly pid: number | undefined
  /** Where it keeps its files; empty for the server of `REDIS_URL`. */
  readonly folder: string
  /** False for the server of `REDIS_URL`, which cannot be stopped or killed. */
  readonly isOwn: boolean
  /** Ends it and removes its folder. Safe twice. */
  stop(): Promise<void>
  /** Resolves when it is dead, for `SIGKILL`; at once for the others. */
  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Again, on the same port and folder, after a `SIGKILL`. */
  start(): Promise<void>
  /** Forgets everything (`FLUSHALL`). */
  wipe(): Promise<void>
}

/** Undefined when there is no server to be had. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis | undefined> {
  const url = process.env['REDIS_URL']
  if (url !== undefined && url !== '') return foreignRedis(url)
  if (spawnSync('redis-server', ['--version']).error !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-redis-'))
  const port = options.unixOnly === true ? 0 : (options.port ?? (await freePort()))
  const server = new OwnRedis(port, folder, options)
  await server.start()
  return server
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

class OwnRedis implements TestRedis {
  readonly port: number
  readonly folder: string
  readonly url: string
  readonly isOwn = true
  readonly #args: readonly string[]
  readonly #endAtExit = (): void => {
    this.#process?.kill('SIGKILL')
  }
  #process: ChildProcess | undefined

  constructor(
    port: number,
    folder: string,
    { appendOnly = 'no', unixOnly = false, args = [] }: TestRedisOptions,
  ) {
    const socket = join(folder, 'redis.sock')
    this.port = port
    this.folder = folder
    this.url = unixOnly ? socket : `redis://127.0.0.1:${port}`
    const place = unixOnly ? ['--unixsocket', socket] : ['--bind', '127.0.0.1']
    const append = appendOnly === 'no' ? ['no'] : ['yes', '--appendfsync', appendOnly]
    this.#args = [
      '--port',
      `${port}`,
      ...place,
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      ...append,
      ...args,
    ]
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) return
    const child = spawn('redis-server', this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    process.once('exit', this.#endAtExit)
    await isReady(child)
    // A suite whose tests were all left out never stops it: it ends with this process, which need not wait for it.
    child.unref()
    for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref()
  }

  async kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    if (signal === 'SIGKILL') await this.#end(child)
    else child.kill(signal)
  }

  async stop(): Promise<void> {
    if (this.#process !== undefined) await this.#end(this.#process)
    await rm(this.folder, { recursive: true, force: true })
  }

  async wipe(): Promise<void> {
    await flush(this.url)
  }

  async #end(child: ChildProcess): Promise<void> {
    this.#process = undefined
    process.off('exit', this.#endAtExit)
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.ref()
    child.kill('SIGKILL')
    await ended
  }
}

/** Resolves when the server says so; rejects with what it said when it ends, or takes too long. */
function isReady(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => reject(new Error(`redis-server ${why}: ${said.slice(-2_000)}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      refuse(`was not ready after ${LIMIT_MS} ms`)
    }, LIMIT_MS)
    const hear = (data: Buffer): void => {
      said += data.toString()
      if (!/ready to accept connections/iu.test(said)) return
      clearTimeout(timer)
      // What it says later must not fill the pipe.
      child.stdout?.off('data', hear).resume()
      resolve()
    }
    child.stdout?.on('data', hear)
    child.stderr?.resume()
    child.once('error', (error) => refuse(error.message))
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      refuse(`ended with ${code ?? signal}`)
    })
  })
}

async function foreignRedis(url: string): Promise<TestRedis> {
  const refuse = (): Promise<never> => Promise.reject(new Error('server of REDIS_URL is not ours to end'))
  const port = Number(new URL(url).port || 6379)
  const common = { url, port, pid: undefined, folder: '', isOwn: false }
  const nothing = (): Promise<void> => Promise.resolve()
  return { ...common, stop: nothing, start: nothing, kill: refuse, wipe: () => flush(url) }
}

async function flush(url: string): Promise<void> {
  const redis = new Redis(url)
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}
