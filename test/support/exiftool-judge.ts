/**
 * exiftool as the judge of what the product writes: the program itself, many files in one call.
 *
 * @module
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { exiftoolPath } from 'exiftool-vendored'

/** Values by `Group1:Tag`, numbers as numbers, `File:ImageDataHash` where exiftool knows the format's. */
export type Tags = Readonly<Record<string, unknown>>

/** All tags of all files, by path as given. A file that exiftool cannot read is left out. */
export async function readTags(paths: readonly string[]): Promise<ReadonlyMap<string, Tags>> {
  const args = ['-config', '', '-json', '-G1', '-n', '-api', 'ImageHashType=SHA256', '-all', '-ImageDataHash']
  const { stdout } = await promisify(execFile)(await exiftoolPath(), [...args, '--', ...paths], {
    maxBuffer: 1 << 28,
  })
  const found = JSON.parse(stdout) as Tags[]
  return new Map(found.map((tags) => [String(tags['SourceFile']), tags]))
}
