/**
 * For tests of archives: temporary inputs, and what an archive gives of them.
 *
 * Importing this makes a temporary folder, which is deleted when the process ends: several test files may share it.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeirloomError } from '../../src/errors.ts'
import type { Archive } from '../../src/exports/archive/archive.ts'
import { openArchive } from '../../src/exports/archive/open-archive.ts'

const folder = mkdtempSync(join(tmpdir(), 'heirloom-archive-'))
let count = 0

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A folder of its own for each test. */
export async function freshFolder(): Promise<string> {
  count += 1
  const path = join(folder, String(count))
  await mkdir(path)
  return path
}

export async function put(name: string, content: Buffer | string): Promise<string> {
  const path = join(await freshFolder(), name)
  await writeFile(path, content)
  return path
}

/** Opens, looks, closes. */
export async function opened<T>(
  inputs: string | readonly string[],
  look: (archive: Archive) => Promise<T>,
): Promise<T> {
  const archive = await openArchive(typeof inputs === 'string' ? [inputs] : inputs)
  try {
    return await look(archive)
  } finally {
    await archive.close()
  }
}

/** Path → content of every entry that can be read; `error` code of the others. Problems as `code path`. */
export async function contents(
  inputs: string | readonly string[],
): Promise<{ files: Record<string, string>; problems: string[] }> {
  return opened(inputs, async (archive) => {
    const files: Record<string, string> = {}
    for (const entry of archive.entries) {
      files[entry.path] = await archive.readSmall(entry, 1e8).then(
        (bytes) => bytes.toString('latin1'),
        (error: unknown) => (error instanceof HeirloomError ? error.code : `bug ${String(error)}`),
      )
    }
    const problems = archive.problems.map(({ code, path }) => (path === undefined ? code : `${code} ${path}`))
    return { files, problems }
  })
}
