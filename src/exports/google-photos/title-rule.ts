/**
 * The rule for a JSON whose name no longer tells its media's: by the title it carries.
 *
 * A title never has Takeout's counter, so it names a group of equally named files and not one of them; within the
 * group counters decide, and their order where the JSON names were cut from different titles.
 *
 * @module
 */

import type { Folder } from './folder.ts'
import { formatMediaName, type MediaName, nameKey, parseMediaName } from './names.ts'
import type { Hit, Rule } from './rules.ts'
import { type Sidecar, spellings } from './sidecar-index.ts'

/** Equally named files that are still open, and the free JSON of that title, both in the order of counters. */
interface Group {
  readonly open: readonly string[]
  readonly places: ReadonlyMap<string, number>
  readonly free: readonly Sidecar[]
  readonly byCounter: ReadonlyMap<number, Sidecar>
  /** True when the n-th file and the n-th JSON do not always have the same counter. */
  readonly countersDiffer: boolean
}

/**
 * The n-th file of a name and the n-th JSON of its title, where other titles were cut to the same JSON name and so
 * share its counters: then equal counters mean nothing.
 */
export function orderRule(folder: Folder): (name: string) => readonly Hit[] {
  return forGroups(folder, (name, { open, places, free, countersDiffer }) => {
    const [first] = free
    if (first === undefined || free.length !== open.length || !folder.sidecars.isMixed(first.base)) return []
    return countersDiffer ? hit(free[places.get(name) ?? -1], 'title-in-order', open.length > 1) : []
  })
}

/** The JSON whose title became this name: with the same counter, or the only one left. */
export function titleRule(folder: Folder): (name: string) => readonly Hit[] {
  return forGroups(folder, (name, { open, free, byCounter }) => {
    const [first] = free
    const same = byCounter.get(counterOf(name))
    if (same !== undefined) return hit(same, 'title', false)
    if (first === undefined || free.length > 1 || open.length > 1) return []
    return isNameTaken(folder, name, first) ? hit(first, 'name-taken', true) : []
  })
}

/** Gathers each group once, so that a folder of equal names costs no more than any other; keeps none of one file. */
function forGroups(
  folder: Folder,
  choose: (name: string, group: Group) => readonly Hit[],
): (name: string) => readonly Hit[] {
  const groups = new Map<string, Group>()
  return (name) => {
    const parsed = parseMediaName(name)
    const siblings = folder.media.siblings(name, parsed)
    if (siblings.length === 1) return choose(name, gather(folder, parsed, siblings))
    const key = nameKey(parsed.stem + parsed.extension)
    let group = groups.get(key)
    if (group === undefined) {
      group = gather(folder, parsed, siblings)
      groups.set(key, group)
    }
    return choose(name, group)
  }
}

function gather(folder: Folder, name: MediaName, siblings: readonly string[]): Group {
  const open = siblings.filter((sibling) => folder.pairOf(sibling) === undefined)
  const titled = new Set(spellings(name.stem + name.extension).flatMap((key) => folder.sidecars.titled(key)))
  const free = [...titled].filter((sidecar) => folder.claimedBy(sidecar).length === 0)
  return {
    open,
    places: new Map(open.map((sibling, place) => [sibling, place])),
    free,
    byCounter: new Map(free.toReversed().map((sidecar) => [sidecar.counter, sidecar])),
    countersDiffer: free.some((sidecar, place) => sidecar.counter !== counterOf(open[place] ?? '')),
  }
}

function counterOf(name: string): number {
  return parseMediaName(name).counter
}

/** True when the file that the JSON's name points to is there, and has a JSON of its own. */
function isNameTaken(folder: Folder, name: string, sidecar: Sidecar): boolean {
  const { stem, extension } = parseMediaName(name)
  const nominal = formatMediaName({ stem, counter: sidecar.counter, extension })
  const owner = folder.pairOf(nominal)
  return owner !== undefined && owner !== sidecar
}

function hit(sidecar: Sidecar | undefined, rule: Rule, guess: boolean): readonly Hit[] {
  return sidecar === undefined ? [] : [{ sidecar, rule, rank: 0, fit: 'yes', guess }]
}
