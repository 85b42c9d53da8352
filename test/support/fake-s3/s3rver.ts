/**
 * Starts `s3rver`: an S3 server of other people's making, which keeps objects in a folder. It does
 * not check signatures.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The part of it that is used; it has no types of its own. */
interface Rver {
  run(): Promise<{ readonly port: number }>
  close(): Promise<void>
  readonly httpServer: { closeAllConnections(): void }
}

type RverClass = new (options: {
  readonly address: string
  readonly port: number
  readonly silent: boolean
  readonly directory: string
  readonly vhostBuckets: boolean
  readonly configureBuckets: readonly { readonly name: string }[]
}) => Rver

export interface RunningS3rver {
  /** `http://127.0.0.1:41234` */
  readonly endpoint: string
  close(): Promise<void>
}

export async function startS3rver(buckets: readonly string[]): Promise<RunningS3rver> {
  const S3rver = createRequire(import.meta.url)('s3rver') as RverClass
  const directory = await mkdtemp(join(tmpdir(), 'heirloom-s3rver-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: buckets.map((name) => ({ name })),
  })
  const { port } = await server.run()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: async () => {
      server.httpServer.closeAllConnections()
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
