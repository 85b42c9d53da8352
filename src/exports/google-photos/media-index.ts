/**
 * The media names of one folder, to be found by stem in constant time.
 *
 * @module
 */

import { append } from './multimap.ts'
import { type MediaName, nameKey, parseMediaName } from './names.ts'

export class MediaIndex {
  readonly #keys = new Set<string>()
  readonly #stems = new Set<string>()
  /** Of those files only that have a sibling. */
  readonly #siblings = new Map<string, string[]>()

  constructor(names: readonly string[]) {
    const firsts = new Map<string, string>()
    for (const name of names) {
      const { stem, counter, extension } = parseMediaName(name)
      this.#keys.add(nameKey(name))
      this.#stems.add(stemKey(stem, counter, extension))
      const key = nameKey(stem + extension)
      const first = firsts.get(key)
      if (first === undefined) firsts.set(key, name)
      else if (this.#siblings.has(key)) append(this.#siblings, key, name)
      else this.#siblings.set(key, [first, name])
    }
    const counterOf = (name: string): number => parseMediaName(name).counter
    for (const list of this.#siblings.values()) list.sort((a, b) => counterOf(a) - counterOf(b))
  }

  /** True when the folder holds a file of this name, in any spelling. */
  has(name: string): boolean {
    return this.#keys.has(nameKey(name))
  }

  /** True when the folder holds a file of this stem and counter with that extension. */
  hasStem(stem: string, counter: number, extension: string): boolean {
    return this.#stems.has(stemKey(stem, counter, extension))
  }

  /** The file itself and those that differ from it in their counter alone, in its order. */
  siblings(name: string, { stem, extension }: MediaName): readonly string[] {
    return this.#siblings.get(nameKey(stem + extension)) ?? [name]
  }
}

function stemKey(stem: string, counter: number, extension: string): string {
  return `${nameKey(stem)}\0${counter}\0${extension.toLowerCase()}`
}
