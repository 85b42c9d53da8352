/**
 * One exiftool kept open: arguments in, its two outputs back, one request after the other.
 *
 * exiftool takes a fifth of a second to start and a hundredth to answer, so it is started at the first request
 * and asked again and again (`-stay_open`). Arguments travel one a line over its standard input: one that holds
 * a line break could smuggle in options, and is refused here for all callers. exiftool ends when its input
 * ends, so it cannot outlive this process, however that dies. The package exiftool-vendored supplies the
 * program; its own client is not used: it has one time limit for all files whatever their size, tells the end of
 * an answer's errors by a pause, and decodes entities that a caption holds as text (`docs/formats/media.md`, 6).
 *
 * @module
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Readable, Writable } from 'node:stream'
import {
  ExiftoolCrashError,
  ExiftoolMissingError,
  ExiftoolTimeoutError,
  UnsafeArgumentError,
} from './errors.ts'

export interface ExiftoolAnswer {
  readonly stdout: string
  readonly stderr: string
}

export interface ExiftoolProcessOptions {
  /** Program and first arguments. Default: the vendored exiftool. */
  readonly command?: readonly [string, ...string[]]
}

/** No answer to our questions is near this; a file that causes one is hostile. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/** Requests after which exiftool is replaced, in case a file made it leak. Starting costs 0.2 s. */
const MAX_REQUESTS = 5000

type Child = ChildProcessByStdio<Writable, Readable, Readable>

interface Request {
  readonly id: number
  readonly stdout: Collector
  readonly stderr: Collector
  settle(error?: Error): void
}

export class ExiftoolProcess {
  readonly #command: readonly [string, ...string[]] | undefined
  #child: Child | undefined
  #request: Request | undefined
  #requests = 0
  #nextId = 1
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: ExiftoolProcessOptions = {}) {
    this.#command = options.command
  }

  /** Process id while one is running, for tests and for `doctor`. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Asks exiftool once those before have been answered.
   *
   * @throws ExiftoolMissingError, ExiftoolTimeoutError (exiftool has then been killed), ExiftoolCrashError,
   *   UnsafeArgumentError. What exiftool itself complains about is in `stderr`, and is no exception.
   */
  run(args: readonly string[], timeoutMs: number): Promise<ExiftoolAnswer> {
    const answer = this.#last.then(() => this.#ask(args, timeoutMs))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  /** Ends exiftool after the requests already made. Safe twice; a later request fails. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    setReferenced(child, true)
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const impatience = setTimeout(() => child.kill('SIGKILL'), 2000)
    child.stdin.end('-stay_open\nFalse\n')
    await ended
    clearTimeout(impatience)
  }

  async #ask(args: readonly string[], timeoutMs: number): Promise<ExiftoolAnswer> {
    if (this.#closed) throw new ExiftoolCrashError('exiftool was asked after it was closed')
    for (const arg of args) if (UNSAFE.test(arg)) throw new UnsafeArgumentError(arg)
    const child = this.#ready()
    const id = this.#nextId++
    setReferenced(child, true)
    try {
      return await new Promise<ExiftoolAnswer>((resolve, reject) => {
        const timer = setTimeout(() => this.#fail(new ExiftoolTimeoutError(timeoutMs)), timeoutMs)
        const marker = `{ready${id}}`
        const request: Request = {
          id,
          stdout: new Collector(marker),
          stderr: new Collector(marker),
          settle: (error) => {
            clearTimeout(timer)
            this.#request = undefined
            if (error !== undefined) reject(error)
            else resolve({ stdout: request.stdout.text(), stderr: request.stderr.text() })
          },
        }
        this.#request = request
        child.stdin.write(`${[...args, '-echo4', marker, `-execute${id}`].join('\n')}\n`)
      })
    } finally {
      setReferenced(child, false)
    }
  }

  #ready(): Child {
    if (this.#child !== undefined && this.#requests < MAX_REQUESTS) {
      this.#requests += 1
      return this.#child
    }
    this.#child?.stdin.end()
    this.#requests = 1
    this.#child = this.#start()
    return this.#child
  }

  #start(): Child {
    const [program, ...first] = this.#command ?? vendoredCommand()
    // An empty -config keeps the user's own ~/.ExifTool_config from changing what we read and write.
    const args = [...first, '-config', '', '-stay_open', 'True', '-@', '-']
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
    child.on('error', (error) => this.#lost(child, new ExiftoolMissingError(program, error)))
    child.on('exit', (code, signal) =>
      this.#lost(child, new ExiftoolCrashError(`exiftool ended with ${signal ?? `exit code ${code}`}`)),
    )
    // A dead child is reported by its exit; the broken pipe would only say it again.
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => this.#receive(child, 'stdout', chunk))
    child.stderr.on('data', (chunk: Buffer) => this.#receive(child, 'stderr', chunk))
    setReferenced(child, false)
    return child
  }

  #receive(child: Child, output: 'stdout' | 'stderr', chunk: Buffer): void {
    const request = this.#request
    if (request === undefined || child !== this.#child) return
    request[output].add(chunk)
    if (request[output].sizeBytes > MAX_ANSWER_BYTES) {
      this.#fail(new ExiftoolCrashError(`exiftool answered with more than ${MAX_ANSWER_BYTES} bytes`))
    } else if (request.stdout.complete && request.stderr.complete) request.settle()
  }

  #lost(child: Child, error: Error): void {
    if (child !== this.#child) return
    this.#child = undefined
    this.#request?.settle(error)
  }

  #fail(error: Error): void {
    const child = this.#child
    this.#child = undefined
    child?.kill('SIGKILL')
    this.#request?.settle(error)
  }
}

/** Line breaks end an argument, and NUL ends it for the system. */
const UNSAFE = /[\r\n\0]/u

/** Gathers one output until its marker line has come. */
class Collector {
  readonly #marker: string
  #chunks: Buffer[] = []
  #tail = ''
  sizeBytes = 0
  complete = false

  constructor(marker: string) {
    this.#marker = marker
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.sizeBytes += chunk.length
    this.#tail = (this.#tail + chunk.toString('latin1')).slice(-64)
    this.complete = this.#tail.trimEnd().endsWith(this.#marker)
  }

  /** What came before the marker. */
  text(): string {
    const whole = Buffer.concat(this.#chunks).toString('utf8').trimEnd()
    return whole.slice(0, -this.#marker.length)
  }
}

/** A waiting exiftool does not keep the process alive; a working one does. */
function setReferenced(child: Child, referenced: boolean): void {
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) {
    const socket = handle as unknown as { ref?: () => void; unref?: () => void }
    if (referenced) socket.ref?.()
    else socket.unref?.()
  }
}

/** Resolved from exiftool-vendored's place, whose optional dependency the program is. */
function vendoredCommand(): [string, ...string[]] {
  const windows = process.platform === 'win32'
  const name = windows ? 'exiftool-vendored.exe' : 'exiftool-vendored.pl'
  try {
    const near = createRequire(createRequire(import.meta.url).resolve('exiftool-vendored'))
    const script: unknown = near(name)
    if (typeof script !== 'string') throw new TypeError(`${name} names no program`)
    return windows ? [script] : ['perl', script]
  } catch (error) {
    throw new ExiftoolMissingError(name, error)
  }
}
