/**
 * Bytes that look like pictures to whoever looks at their beginning, and what a server keeps of them.
 *
 * @module
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { listIntended, type ObjectPlace } from '../../library/photos.ts'
import type { TestServer } from './test-server.ts'

/** Begins like a JPEG; different for every seed. */
export function jpegLike(seed: number, sizeBytes: number = 10_000): Buffer {
  const bytes = Buffer.alloc(sizeBytes, `photo ${seed} `)
  Buffer.from([0xff, 0xd8, 0xff, 0xe0]).copy(bytes)
  return bytes
}

/** A field, or a file with its name. */
export type FormPart =
  | readonly [field: string, value: string]
  | readonly [field: string, bytes: Buffer, fileName: string]

/** A form with these parts, in this order. */
export function formOf(...parts: readonly FormPart[]): FormData {
  const form = new FormData()
  for (const [field, value, fileName] of parts) {
    if (typeof value === 'string') form.append(field, value)
    else form.append(field, new Blob([new Uint8Array(value)]), fileName ?? 'a.jpg')
  }
  return form
}

/** Names of the objects that uploads have become; also those that nothing knows. */
export async function storedObjects({ folder }: TestServer): Promise<readonly string[]> {
  const root = join(folder, '.heirloom', 'uploads')
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

export function intendedObjects({ context }: TestServer): readonly ObjectPlace[] {
  return listIntended(context.reading(), 1_000)
}
