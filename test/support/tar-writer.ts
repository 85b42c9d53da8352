/**
 * Writes small tar and tgz archives in memory, with members of every type.
 *
 * @module
 */

import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'

export interface TarMemberSpec {
  readonly name: string
  readonly data?: Buffer | string
  readonly type?: 'file' | 'link' | 'symlink' | 'directory' | 'fifo' | 'character-device'
  readonly linkname?: string
  /** Epoch milliseconds; default 2024-01-01. */
  readonly modifiedAt?: number
}

export async function writeTar(members: readonly TarMemberSpec[]): Promise<Buffer> {
  const packer = pack()
  const parts: Buffer[] = []
  packer.on('data', (chunk: unknown) => {
    parts.push(chunk as Buffer)
  })
  const ended = new Promise<void>((resolve, reject) => {
    packer.on('end', () => resolve())
    packer.on('error', reject)
  })
  for (const { name, data, type, linkname, modifiedAt } of members) {
    const header = {
      name,
      type: type ?? 'file',
      mtime: new Date(modifiedAt ?? Date.UTC(2024, 0, 1)),
      ...(linkname === undefined ? {} : { linkname }),
    }
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null): void => {
        if (error) reject(error)
        else resolve()
      }
      if (header.type === 'file') packer.entry(header, Buffer.from(data ?? ''), done)
      else packer.entry(header, done)
    })
  }
  packer.finalize()
  await ended
  return Buffer.concat(parts)
}

export async function writeTgz(members: readonly TarMemberSpec[]): Promise<Buffer> {
  return gzipSync(await writeTar(members))
}
