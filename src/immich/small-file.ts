/**
 * Reads files that fit into memory, in as few steps as a system allows.
 *
 * Each job for the thread pool costs the main thread as much as hashing 100 kB. `readFile` makes four of them;
 * here are two, those that may wait for the disk. What an open file is asked besides is answered from the kernel's
 * memory, and done in place.
 *
 * @module
 */

import { closeSync, fstatSync, open, read, type Stats } from 'node:fs'
import { promisify } from 'node:util'

const openDescriptor = promisify(open)
const readDescriptor = promisify(read)

/**
 * Fills a buffer from the start of a file.
 *
 * @param target - What is to be filled, by what the open file is; throws to refuse it.
 * @returns How many bytes were read: less than the target's length when the file has become shorter.
 * @throws What the system says.
 */
export async function readInto(path: string, target: (stats: Stats) => Buffer): Promise<number> {
  const descriptor = await openDescriptor(path, 'r')
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
