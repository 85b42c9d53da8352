/**
 * What the worker processes of these examples run: plain functions by task kind.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { TaskContext } from '../../src/queue/index.ts' // yours: 'heirloom/queue'

export const handlers = {
  /** Reads a file and answers its SHA-256. A missing file fails at once: no retry would find it. */
  checksum: async ({ path }: { path: string }): Promise<string> => {
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    return hash.digest('hex')
  },

  /** Stands for work of some length that says how far it is. */
  thumbnail: async ({ picture }: { picture: string }, { progress }: TaskContext): Promise<string> => {
    for (const done of [0.5, 1]) {
      await wait(10)
      progress(done)
    }
    if (picture.endsWith('.broken')) throw new Error(`${picture} is no picture`)
    return `${picture}.thumb`
  },

  /** Runs when all its thumbnails are done. */
  album: async ({ title, pictures }: { title: string; pictures: readonly string[] }): Promise<string> => {
    return `${title}: ${pictures.length} pictures`
  },

  /** Never comes back. Only ending its process helps. */
  hang: async (): Promise<never> => {
    for (;;) Math.sqrt(2)
  },
}
