/**
 * Which JSON describes which media file: the forward name model turned into look-ups.
 *
 * Takeout writes the JSON's name by a rule (`names.ts`), but not every media file has a JSON: edited copies and the
 * video halves of live and motion photos borrow one, and any JSON may be in a part of the export that is missing.
 * So a name that merely resembles another proves nothing. Each media file asks for the few names that the rule
 * allows, best first; a title that says otherwise is believed. Work is linear in the number of files, and the order
 * of the input never matters: a stage decides only by what earlier stages settled.
 *
 * Rules with examples: `docs/formats/google-takeout.md`.
 *
 * @module
 */

import type { Pairing } from '../media-item.ts'
import type { Folder } from './folder.ts'
import { MediaIndex } from './media-index.ts'
import { Multimap } from './multimap.ts'
import { parseMediaName } from './names.ts'
import {
  appended,
  companion,
  contradicted,
  direct,
  edited,
  type Hit,
  loose,
  type Rule,
  tilde,
} from './rules.ts'
import { order, type Sidecar, SidecarIndex, type SidecarInput } from './sidecar-index.ts'
import { orderRule, titleRule } from './title-rule.ts'

type Stage = (folder: Folder) => (name: string) => readonly Hit[]

/** In this order: the surest first. */
const STAGES: readonly Stage[] = [
  orderRule,
  (folder) => (name) => direct(folder, name, 'exact'),
  (folder) => (name) => direct(folder, name, 'folded'),
  (folder) => (name) => edited(folder, name),
  (folder) => (name) => companion(folder, name),
  (folder) => (name) => tilde(folder, name),
  titleRule,
  (folder) => (name) => appended(folder, name),
  (folder) => (name) => loose(folder, name),
  (folder) => (name) => contradicted(folder, name),
]

/** Rules by which one JSON belongs to one file of an extension. */
const OWN_RULES: ReadonlySet<Rule> = new Set(['supplemental', 'plain', 'title-without-extension', 'uncut'])

/**
 * Pairs the media files of one folder with its JSON files.
 *
 * @param media - File names without their folder. Equal names count once.
 * @param sidecars - The JSON files that describe media; no album files.
 * @returns By media name; files that no JSON describes are left out.
 */
export function pairFolder(
  media: readonly string[],
  sidecars: readonly SidecarInput[],
): ReadonlyMap<string, Pairing> {
  const names = [...new Set(media)].toSorted(order)
  const claims = new Multimap<Sidecar, string>()
  const settled = new Map<string, readonly [Hit, ...Hit[]]>()
  const folder: Folder = {
    media: new MediaIndex(names),
    sidecars: new SidecarIndex(sidecars),
    lookups: new Map(),
    claimedBy: (sidecar) => claims.get(sidecar),
    pairOf: (name) => settled.get(name)?.[0].sidecar,
  }
  let open = names
  for (const stage of STAGES) {
    const rule = stage(folder)
    // All are decided before any is noted: so the order of the names cannot matter.
    const decided = open.flatMap((name): (readonly [string, readonly [Hit, ...Hit[]]])[] => {
      const [best, ...rest] = rule(name)
      return best === undefined ? [] : [[name, [best, ...rest]]]
    })
    for (const [name, hits] of decided) {
      settled.set(name, hits)
      claims.add(hits[0].sidecar, name)
    }
    open = open.filter((name) => !settled.has(name))
  }
  return toPairings(settled)
}

function toPairings(settled: ReadonlyMap<string, readonly [Hit, ...Hit[]]>): ReadonlyMap<string, Pairing> {
  const owners = new Map<string, number>()
  for (const [name, [best]] of settled) {
    const key = ownerKey(name, best)
    if (OWN_RULES.has(best.rule)) owners.set(key, (owners.get(key) ?? 0) + 1)
  }
  const isContested = (name: string, hit: Hit): boolean =>
    hit.fit !== 'yes' && OWN_RULES.has(hit.rule) && (owners.get(ownerKey(name, hit)) ?? 0) > 1
  return new Map([...settled].map(([name, hits]) => [name, toPairing(hits, isContested(name, hits[0]))]))
}

function ownerKey(name: string, { sidecar }: Hit): string {
  return `${sidecar.name}\0${parseMediaName(name).extension.toLowerCase()}`
}

function toPairing([best, ...rest]: readonly [Hit, ...Hit[]], isContested: boolean): Pairing {
  const second = rest.find(({ sidecar }) => sidecar !== best.sidecar)
  const isTie = second !== undefined && second.fit === best.fit && isRival(best, second)
  return {
    sidecar: best.sidecar.name,
    rule: best.rule,
    ...(second && { runnerUp: { sidecar: second.sidecar.name, rule: second.rule } }),
    ambiguous: best.guess || isTie || isContested,
  }
}

/** Old and new style of one name are no rivals; two readings of a counter, or two equal candidates, are. */
function isRival(best: Hit, second: Hit): boolean {
  return second.rank === best.rank || second.sidecar.counter !== best.sidecar.counter
}
