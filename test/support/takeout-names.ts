/**
 * Names as Google's export gives them, forwards: title → media file and JSON file.
 *
 * Small and independent of `src/exports/google-photos`, so that both can be held against each other. Lengths count
 * UTF-16 units, the extension included, the counter excluded. Facts: 51 for a media file, 46 before `.json`.
 *
 * @module
 */

export interface TakeoutNames {
  readonly media: string
  readonly json: string
}

const MEDIA_LIMIT = 51
const JSON_LIMIT = 46

/** The names given out in one folder; counters go to later files in the order of the calls. */
export class FolderNames {
  readonly #taken = new Set<string>()

  /** A photo or video and its JSON, which carries the same counter. */
  pair(title: string, style: 'new' | 'old'): TakeoutNames {
    const { stem, extension } = split(safe(title))
    const base = stem.slice(0, MEDIA_LIMIT - extension.length)
    const counter = this.#take(base, extension)
    const full = style === 'new' ? `${safe(title)}.supplemental-metadata` : safe(title)
    return { media: base + counter + extension, json: `${full.slice(0, JSON_LIMIT)}${counter}.json` }
  }

  /** A file without JSON of its own, such as an edited one; its suffix may be cut away. */
  alone(title: string, suffix: string, newExtension?: string): string {
    const { stem, extension: own } = split(safe(title))
    const extension = newExtension ?? own
    const base = (stem + suffix).slice(0, MEDIA_LIMIT - extension.length)
    return base + this.#take(base, extension) + extension
  }

  #take(base: string, extension: string): string {
    for (let count = 0; ; count += 1) {
      const counter = count === 0 ? '' : `(${count})`
      const name = base + counter + extension
      if (this.#taken.has(name)) continue
      this.#taken.add(name)
      return counter
    }
  }
}

/** What Google writes for the characters that file systems refuse. */
export function safe(title: string): string {
  return title.replaceAll(/[&'"%=:*?<>|/\\]/g, '_')
}

function split(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? { stem: name, extension: '' } : { stem: name.slice(0, dot), extension: name.slice(dot) }
}
