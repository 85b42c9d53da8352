/**
 * The JSON names of one folder, to be found by any part of the forward model in constant time.
 *
 * @module
 */

import { Multimap } from './multimap.ts'
import {
  cut,
  decodeEntities,
  isCutExtension,
  isMediaExtension,
  MEDIA_NAME_UNITS,
  type MediaName,
  mediaNameOf,
  nameKey,
  parseMediaName,
  parseSidecarName,
  SIDECAR_NAME_UNITS,
  sanitize,
  withoutSupplement,
} from './names.ts'

/** A JSON file of the folder that describes a picture or clip. */
export interface SidecarInput {
  /** File name without its folder. */
  readonly name: string
  /** What it says that the file was called; never carries Takeout's counter. */
  readonly title?: string
}

/** A JSON with its name and title taken apart. */
export interface Sidecar {
  readonly name: string
  readonly base: string
  readonly counter: number
  /** Keys of the media names that its title can become; empty when it has no title. */
  readonly titleKeys: readonly string[]
  /** The title in the spellings it may have on disk. */
  readonly titles: readonly string[]
  /** What its name says of the media's stem, without supplement and extension. */
  readonly stem: string
  readonly extension: string
}

/** Does the title agree with a media name? */
export type Fit = 'yes' | 'unknown' | 'no'

export class SidecarIndex {
  readonly all: readonly Sidecar[]
  readonly #byBase = new Multimap<string, Sidecar>()
  readonly #byLooseBase = new Multimap<string, Sidecar>()
  readonly #byStem = new Multimap<string, Sidecar>()
  readonly #byTitle = new Multimap<string, Sidecar>()
  /** By the key of a base: a title that was cut to it. */
  readonly #families = new Map<string, string | undefined>()
  readonly #numbered = new Set<string>()
  readonly #mixed = new Set<string>()

  constructor(inputs: readonly SidecarInput[]) {
    this.all = inputs.map(describeSidecar).toSorted((a, b) => a.counter - b.counter || order(a.name, b.name))
    for (const sidecar of this.all) this.#add(sidecar)
  }

  /** By its name without `.json` and counter. */
  named(base: string, counter: number): readonly Sidecar[] {
    return this.#byBase.get(key(base, counter))
  }

  /** As {@link named}, where the supplement was cut shorter than the rule says, or stands behind the counter. */
  looselyNamed(base: string, counter: number): readonly Sidecar[] {
    return this.#byLooseBase.get(key(base, counter))
  }

  /** By the media's stem, whatever its extension. */
  ofStem(stem: string, counter: number): readonly Sidecar[] {
    return this.#byStem.get(key(stem, counter))
  }

  /** By the media name, without counter, that the title becomes; in the order of their counters. */
  titled(mediaName: string): readonly Sidecar[] {
    return this.#byTitle.get(nameKey(mediaName))
  }

  /** True when a name of this base carries a counter. */
  isNumbered(base: string): boolean {
    return this.#numbered.has(nameKey(base))
  }

  /** True when names of this base were cut from different titles, so that their counters are not the media's. */
  isMixed(base: string): boolean {
    return this.#mixed.has(nameKey(base))
  }

  #add(sidecar: Sidecar): void {
    const { base, counter, stem, titleKeys } = sidecar
    for (const spelling of spellings(base)) this.#byBase.add(key(spelling, counter), sidecar)
    this.#byStem.add(key(stem, counter), sidecar)
    const loose = withoutSupplement(base)
    if (loose !== undefined) {
      this.#byLooseBase.add(key(loose, counter), sidecar)
      const inner = parseSidecarName(loose)
      if (counter === 0 && inner.counter > 0) this.#byLooseBase.add(key(inner.base, inner.counter), sidecar)
    }
    for (const title of titleKeys) this.#byTitle.add(title, sidecar)
    this.#addToFamily(nameKey(base), counter, titleKeys[0])
  }

  #addToFamily(family: string, counter: number, title: string | undefined): void {
    if (counter > 0) this.#numbered.add(family)
    const known = this.#families.get(family)
    if (known === undefined) this.#families.set(family, title)
    else if (title !== undefined && title !== known) this.#mixed.add(family)
  }
}

/** Whether the title of `sidecar` can have become this media name, the counter left aside. */
export function titleFit(sidecar: Sidecar, { stem, extension }: Omit<MediaName, 'counter'>): Fit {
  if (sidecar.titles.length === 0) return 'unknown'
  const spelled = spellings(stem)
  if (spelled.some((form) => sidecar.titleKeys.includes(nameKey(form + extension)))) return 'yes'
  const bare = sidecar.titles.map((title) => nameKey(cut(title, MEDIA_NAME_UNITS - extension.length)))
  return spelled.some((form) => bare.includes(nameKey(form))) ? 'yes' : 'no'
}

/** As {@link titleFit}, for a file that has another extension than the title, such as the video of a live photo. */
export function stemFit(sidecar: Sidecar, stem: string): Fit {
  if (sidecar.titles.length === 0) return 'unknown'
  const wanted = new Set(spellings(stem).map((form) => nameKey(cut(form, SIDECAR_NAME_UNITS))))
  const same = (text: string): boolean => wanted.has(nameKey(cut(text, SIDECAR_NAME_UNITS)))
  const fits = sidecar.titles.some((title) => {
    const { extension } = parseMediaName(title)
    return same(title) || same(title.slice(0, title.length - extension.length))
  })
  return fits ? 'yes' : 'no'
}

function describeSidecar({ name, title }: SidecarInput): Sidecar {
  const { base, counter } = parseSidecarName(name)
  const titles = title === undefined ? [] : spellings(title.normalize('NFC'), title)
  const titleKeys = [...new Set(titles.map((spelling) => nameKey(mediaNameOf(spelling))))]
  return { name, base, counter, titles, titleKeys, ...stemOf(base) }
}

/** `IMG_1.HEIC.supple` is about `IMG_1`, `.HEIC`; what a cut left of the extension counts as one. */
function stemOf(base: string): { stem: string; extension: string } {
  const name = withoutSupplement(base) ?? base
  const dot = name.lastIndexOf('.')
  const extension = dot < 1 ? '' : name.slice(dot)
  const isCut = base.length >= SIDECAR_NAME_UNITS - 1 && isCutExtension(extension)
  return isMediaExtension(extension) || isCut
    ? { stem: name.slice(0, dot), extension }
    : { stem: name, extension: '' }
}

/** The text as it is and with entities decoded, sanitised as on disk. */
export function spellings(...texts: string[]): string[] {
  const forms = texts.flatMap((text) =>
    text.includes('&') ? [sanitize(text), sanitize(decodeEntities(text))] : sanitize(text),
  )
  return forms.length === 1 ? forms : [...new Set(forms)]
}

function key(base: string, counter: number): string {
  return `${nameKey(base)}\0${counter}`
}

/** By code units, whatever the machine's language. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
