/**
 * What a run has made of a library, so that two runs can be compared whatever ran them.
 *
 * @module
 */

import { type LibraryContent, libraryContent } from './library-content.ts'
import { ignoreState, treeFacts } from './tree-digest.ts'

export interface Outcome {
  readonly files: ReadonlyMap<string, string>
  readonly content: Omit<LibraryContent, 'temps'>
}

/** Bytes, times and rights of all files, and the whole catalog. */
export async function outcomeOf(library: string): Promise<Outcome> {
  const { temps: _temps, ...content } = await libraryContent(library)
  const facts = await treeFacts(library, { ignore: ignoreState })
  const undated = new Set(
    content.assets.filter((asset) => asset['taken_at'] === null).map(({ path }) => path),
  )
  const timeless = ([path, fact]: readonly [string, string]): [string, string] => {
    // The time of an undated file is that of its placing.
    return [path, undated.has(path) ? fact.split(' ').slice(0, 3).join(' ') : fact]
  }
  return { files: new Map([...facts].map(timeless)), content }
}
