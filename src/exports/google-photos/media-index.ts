/**
 * The media names of one folder, to be found by stem in constant time.
 *
 * @module
 */

import { append } from './multimap.ts'
import { type MediaName, nameKey, parseMediaName } from './names.ts'

export class MediaIndex {
  readonly #parsed = new Map<string, MediaName>()
  readonly #keys = new Set<string>()
  readonly #extensions = new Map<string, Set<string>>()
  readonly #siblings = new Map<string, string[]>()

  constructor(names: readonly string[]) {
    for (const name of names) {
      const parsed = parseMediaName(name)
      const { stem, counter, extension } = parsed
      this.#parsed.set(name, parsed)
      this.#keys.add(nameKey(name))
      append(this.#siblings, nameKey(stem + extension), name)
      const at = `${nameKey(stem)}\0${counter}`
      const extensions = this.#extensions.get(at) ?? new Set()
      this.#extensions.set(at, extensions.add(extension.toLowerCase()))
    }
    for (const list of this.#siblings.values()) list.sort((a, b) => this.#counter(a) - this.#counter(b))
  }

  /** True when the folder holds a file of this name, in any spelling. */
  has(name: string): boolean {
    return this.#keys.has(nameKey(name))
  }

  /** True when the folder holds a file of this stem and counter with that extension. */
  hasStem(stem: string, counter: number, extension: string): boolean {
    return this.#extensions.get(`${nameKey(stem)}\0${counter}`)?.has(extension.toLowerCase()) ?? false
  }

  /** The files that differ in their counter alone, in its order. */
  siblings({ stem, extension }: MediaName): readonly string[] {
    return this.#siblings.get(nameKey(stem + extension)) ?? []
  }

  #counter(name: string): number {
    return this.#parsed.get(name)?.counter ?? 0
  }
}
