/**
 * Reads files that fit into memory, in as few steps as a system allows.
 *
 * Each job for the thread pool costs the main thread as much as hashing 100 kB. `readFile` makes four of them;
 * here are two, those that may wait for the disk. What an open file is asked besides is answered from the kernel's
 * memory, and done in place.
 *
 * @module
 */

import { closeSync, constants, fstatSync, open, read, type Stats } from 'node:fs'
import { promisify } from 'node:util'

const openDescriptor = promisify(open)
const readDescriptor = promisify(read)

/** A pipe would be waited for until somebody writes to it; Windows has no such flag, and no such pipes. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** Opened, and not read yet, by path. */
const openedAhead = new Map<string, { readonly descriptor: number }>()

/** A file that is open. Disposing of it closes it, unless it was read meanwhile. */
export interface OpenedFile extends Disposable {
  readonly stats: Stats
}

/**
 * Opens a file that is soon to be read: the next {@link readInto} of this path takes it as it is, so that asking what
 * it is costs no job of its own. Where nobody reads it so (it is large, say), it is only asked what it is.
 */
export async function openAhead(path: string): Promise<OpenedFile> {
  const opened = { descriptor: await openDescriptor(path, READ_AT_ONCE) }
  const stats = statsOf(opened.descriptor)
  // One of the same path that nobody has taken yet goes first.
  if (openedAhead.has(path)) closeSync(opened.descriptor)
  else openedAhead.set(path, opened)
  return {
    stats,
    [Symbol.dispose]: () => {
      if (openedAhead.get(path) !== opened) return
      openedAhead.delete(path)
      closeSync(opened.descriptor)
    },
  }
}

function statsOf(descriptor: number): Stats {
  try {
    return fstatSync(descriptor)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

function takeOpened(path: string): number | undefined {
  const opened = openedAhead.get(path)
  openedAhead.delete(path)
  return opened?.descriptor
}

/**
 * Fills a buffer from the start of a file.
 *
 * @param target - What is to be filled, by what the open file is; throws to refuse it.
 * @returns How many bytes were read: less than the target's length when the file has become shorter.
 * @throws What the system says.
 */
export async function readInto(path: string, target: (stats: Stats) => Buffer): Promise<number> {
  const descriptor = takeOpened(path) ?? (await openDescriptor(path, READ_AT_ONCE))
  try {
    const buffer = target(fstatSync(descriptor))
    let position = 0
    while (position < buffer.length) {
      const left = buffer.length - position
      const { bytesRead } = await readDescriptor(descriptor, buffer, position, left, position)
      if (bytesRead === 0) break
      position += bytesRead
    }
    return position
  } finally {
    closeSync(descriptor)
  }
}
