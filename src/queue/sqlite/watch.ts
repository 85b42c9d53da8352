/**
 * Learns that another process has changed the database.
 *
 * SQLite tells nobody; but each connection has a number that changes when another one has committed
 * (https://sqlite.org/pragma.html#pragma_data_version). To ask for it every 20 ms for ever costs about 1 % of a core
 * (measured 2026-11, nearly all of it for waking up), so it is asked for as long as something is written: the
 * kernel tells of writes to the write-ahead log. It tells too early, before the commit can be seen, and of our
 * own writes too, and that is why the number is asked at all. Where it cannot tell, the number is asked for
 * every 20 ms.
 *
 * @module
 */

import { type FSWatcher, watch } from 'node:fs'

/** How late a change is noticed while something is written. */
const POLL_MS = 20

/** For how long after a write its commit is expected: a slow disk syncs in between. */
const BUSY_MS = 500

/** How late a change is noticed whose commit took longer, or of which the kernel did not tell. */
const QUIET_POLL_MS = 1_000

export interface Watched {
  /** The database. */
  readonly file: string
  /** Changes when another connection has committed. */
  readonly readVersion: () => number
}

/** Calls back after changes by others, those that come fast together once. The returned function ends it. */
export function watchCommits(watched: Watched, onChange: () => void): () => void {
  // Nobody else can reach it.
  if (watched.file === ':memory:') return () => undefined
  const watcher = new CommitWatcher(watched, onChange)
  return () => watcher.stop()
}

class CommitWatcher {
  readonly #readVersion: () => number
  readonly #onChange: () => void
  readonly #log: FSWatcher | undefined
  #version: number
  #timer: NodeJS.Timeout | undefined
  /** By the clock of `performance.now()`. */
  #busyUntil = 0
  #isStopped = false

  constructor({ file, readVersion }: Watched, onChange: () => void) {
    this.#readVersion = readVersion
    this.#onChange = onChange
    this.#version = readVersion()
    this.#log = this.#watchLog(`${file}-wal`)
    this.#wait()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#log?.close()
  }

  /** Undefined when the kernel cannot tell, or has no room for another watch. */
  #watchLog(file: string): FSWatcher | undefined {
    try {
      const log = watch(file, { persistent: false }, (event) => {
        if (event === 'rename') this.#keepAsking()
        else this.#written()
      })
      log.on('error', () => this.#keepAsking())
      return log
    } catch {
      this.#keepAsking()
      return undefined
    }
  }

  /** The log is not there, or not the same any more. */
  #keepAsking(): void {
    this.#busyUntil = Number.POSITIVE_INFINITY
  }

  #written(): void {
    const wasBusy = this.#isBusy()
    this.#busyUntil = Math.max(this.#busyUntil, performance.now() + BUSY_MS)
    if (!wasBusy) this.#look()
  }

  #isBusy(): boolean {
    return performance.now() < this.#busyUntil
  }

  #look(): void {
    if (this.#isStopped) return
    const version = this.#currentVersion()
    const isChanged = version !== this.#version
    this.#version = version
    this.#wait()
    if (isChanged) this.#onChange()
  }

  #wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#look(), this.#isBusy() ? POLL_MS : QUIET_POLL_MS)
    this.#timer.unref()
  }

  /** What is wrong with the database is told to whoever asks it for something. */
  #currentVersion(): number {
    try {
      return this.#readVersion()
    } catch {
      return this.#version
    }
  }
}

/** Those who watch one backend. What it takes to watch runs while there is at least one. */
export class Watchers {
  readonly #start: () => () => void
  readonly #watching = new Set<{ readonly onChange: () => void }>()
  #stop: (() => void) | undefined
  #isClosed = false

  /** `start` begins to watch and answers how to end it. */
  constructor(start: () => () => void) {
    this.#start = start
  }

  add(onChange: () => void): () => void {
    if (this.#isClosed) return () => undefined
    const watcher = { onChange }
    this.#watching.add(watcher)
    this.#stop ??= this.#start()
    return () => {
      if (this.#watching.delete(watcher) && this.#watching.size === 0) this.#end()
    }
  }

  notify(): void {
    for (const { onChange } of [...this.#watching]) onChange()
  }

  /** Nobody is called any more. */
  close(): void {
    this.#isClosed = true
    this.#watching.clear()
    this.#end()
  }

  #end(): void {
    this.#stop?.()
    this.#stop = undefined
  }
}
