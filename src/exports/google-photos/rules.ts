/**
 * The rules by which a media file may be described by a JSON, one function a rule.
 *
 * Each gives the sidecars that its rule allows for one media name, best first, or none. See `match.ts` for their
 * order and `docs/formats/google-takeout.md` for an example of each.
 *
 * @module
 */

import { editedName, originalsOf } from './edited-names.ts'
import type { Folder } from './folder.ts'
import {
  cut,
  decodeEntities,
  isMediaExtension,
  kindOf,
  type MediaName,
  nameKey,
  parseMediaName,
  SIDECAR_NAME_UNITS,
  STILLS,
  SUPPLEMENT,
} from './names.ts'
import { type Fit, order, type Sidecar, stemFit, titleFit } from './sidecar-index.ts'

/** The closed list of rules. Stored and shown to users: never reworded. */
export type Rule =
  | 'supplemental'
  | 'plain'
  | 'title-without-extension'
  | 'counter-in-title'
  | 'counter-cut-away'
  | 'uncut'
  | 'edited'
  | 'effect'
  | 'edited-cut'
  | 'edited-other-word'
  | 'edited-other-type'
  | 'live-video'
  | 'motion-part'
  | 'raw-companion'
  | 'tilde'
  | 'title'
  | 'title-in-order'
  | 'name-taken'
  | 'extension-appended'
  | 'supplement-cut-short'
  | 'one-character-off'
  | 'contradicted-by-title'
  | 'copy-elsewhere'
  | 'title-elsewhere'

/** Rules by which a file takes the JSON of another: of its original, its still, its picture. */
const BORROWING: ReadonlySet<string> = new Set<Rule>([
  'counter-cut-away',
  'edited',
  'effect',
  'edited-cut',
  'edited-other-word',
  'edited-other-type',
  'live-video',
  'motion-part',
  'raw-companion',
  'tilde',
])

/** True when the JSON belongs to another file and describes this one too. */
export function isBorrowed({ rule }: { readonly rule: string }): boolean {
  return BORROWING.has(rule)
}

export interface Hit {
  readonly sidecar: Sidecar
  readonly rule: Rule
  /** Position of the rule's variant: lower is better, equal is equally good. */
  readonly rank: number
  readonly fit: Fit
  /** True when a person should look at it, even if nothing else fits. */
  readonly guess: boolean
}

/** A hit by the forward model; `exact` when the spelling is the same, too. */
export interface NamedHit extends Hit {
  readonly exact: boolean
}

const NONE: readonly NamedHit[] = []

interface Candidate {
  readonly base: string
  readonly counter: number
  readonly rule: Rule
  readonly rank: number
  /** What the title must have become. */
  readonly name: Omit<MediaName, 'counter'>
}

/** What Takeout itself writes for a file that has a JSON of its own. */
export function direct(folder: Folder, name: string, spelling: 'exact' | 'folded'): readonly Hit[] {
  const taken = (sidecar: Sidecar): boolean =>
    spelling === 'folded' && folder.claimedBy(sidecar).some((other) => nameKey(other) === nameKey(name))
  return named(folder, name)
    .filter((hit) => hit.fit !== 'no')
    .filter(({ exact, sidecar }) => (spelling === 'exact' ? exact : !exact && !taken(sidecar)))
    .toSorted(byFit)
}

/** Copies that were edited, and pictures that Google made: the JSON of their original. */
export function edited(folder: Folder, name: string, depth = 0): readonly Hit[] {
  const copy = editedName(name)
  if (copy === undefined || depth > 1) return []
  return originalsOf(copy)
    .filter((original) => copy.rule !== 'edited-other-word' || folder.media.has(original))
    .flatMap((original, position) => {
      const found = [...own(folder, original), ...edited(folder, original, depth + 1)]
      const hits = found.length > 0 ? found : otherType(folder, parseMediaName(original))
      return hits.map((hit): Hit => {
        const rule = hit.rule === 'edited-other-type' ? hit.rule : copy.rule
        // Without the copy's counter it is a guess where the originals have counters.
        const isDoubtful = position > 0 && folder.sidecars.isNumbered(hit.sidecar.base)
        return { ...hit, rule, rank: hit.rank + 100 * position, guess: copy.guess || hit.guess || isDoubtful }
      })
    })
}

/** The video of a live photo, the film of a motion photo, the raw beside a picture: the JSON of the still. */
export function companion(folder: Folder, name: string): readonly Hit[] {
  const { stem, counter, extension } = parseMediaName(name)
  switch (kindOf(extension)) {
    case 'video':
      return stills(folder, { stem, counter }, 'live-video')
    case 'motion':
      return [
        ...stills(folder, { stem: stem + extension, counter }, 'motion-part'),
        ...stills(folder, { stem, counter }, 'motion-part', 100),
      ]
    case 'none':
      return stills(folder, { stem, counter }, 'motion-part')
    case 'raw':
      return stills(folder, { stem, counter }, 'raw-companion').filter(({ sidecar }) =>
        folder.media.hasStem(stem, counter, sidecar.extension),
      )
    case 'still':
      return folder.sidecars
        .ofStem(stem, counter)
        .filter((sidecar) => kindOf(sidecar.extension) === 'raw' && /^\.jpe?g$/iu.test(extension))
        .filter((sidecar) => folder.media.hasStem(stem, counter, sidecar.extension))
        .filter((sidecar) => stemFit(sidecar, stem) !== 'no')
        .map((sidecar) => ({
          sidecar,
          rule: 'raw-companion',
          rank: 0,
          fit: stemFit(sidecar, stem),
          guess: false,
        }))
    case 'other':
      return []
  }
}

/** `X~2.jpg`, made on the device from `X.jpg`, without a JSON of its own. */
export function tilde(folder: Folder, name: string): readonly Hit[] {
  const original = name.replace(/~\d+(?=(?:\(\d+\))?(?:\.[^.]*)?$)/u, '')
  if (original === name) return []
  const hits = [...own(folder, original), ...edited(folder, original), ...companion(folder, original)]
  return hits.map((hit) => ({ ...hit, rule: 'tilde', guess: true }))
}

/** A file that a tool gave the extension of its content: `IMG_1(1).HEIC.jpg`. */
export function appended(folder: Folder, name: string): readonly Hit[] {
  const { stem, counter, extension } = parseMediaName(name)
  const inner = parseMediaName(stem)
  if (counter > 0 || !isMediaExtension(extension) || !isMediaExtension(inner.extension)) return []
  const hits = [...own(folder, stem), ...loose(folder, stem), ...edited(folder, stem)]
  return hits.map((hit) => ({ ...hit, rule: 'extension-appended' }))
}

/** Names that come near the rule: a supplement cut shorter than it need be, or a character more or less. */
export function loose(folder: Folder, name: string): readonly Hit[] {
  const parsed = parseMediaName(name)
  const { stem, counter, extension } = parsed
  const hits: Hit[] = []
  const add = (sidecars: readonly Sidecar[], rule: Rule, guess: boolean): void => {
    const rank = hits.length
    for (const sidecar of sidecars) {
      const fits = titleFit(sidecar, parsed)
      if (fits !== 'no') hits.push({ sidecar, rule, rank, fit: fits, guess })
    }
  }
  add(folder.sidecars.looselyNamed(stem + extension, counter), 'supplement-cut-short', false)
  if (counter > 0) {
    add(folder.sidecars.looselyNamed(name, counter), 'supplement-cut-short', true)
    add(folder.sidecars.looselyNamed(name, 0), 'supplement-cut-short', true)
  }
  for (let end = extension.length - 1; end >= 0; end--) {
    add(folder.sidecars.looselyNamed(stem + extension.slice(0, end), counter), 'supplement-cut-short', true)
  }
  if (/(?:_|_n|-)$/u.test(stem))
    add(folder.sidecars.named(stem.slice(0, -1), counter), 'one-character-off', true)
  return hits
}

/** The name is right but the title is another: only while no other file asks for the JSON. */
export function contradicted(folder: Folder, name: string): readonly Hit[] {
  return named(folder, name)
    .filter((hit) => hit.fit === 'no' && folder.claimedBy(hit.sidecar).length === 0)
    .map((hit) => ({ ...hit, rule: 'contradicted-by-title', guess: true }))
}

/** All JSON that the forward model allows for a name, in its exact spelling or another. */
function named(folder: Folder, name: string): readonly NamedHit[] {
  const known = folder.lookups.get(name)
  if (known !== undefined) return known
  const hits = new Map<Sidecar, NamedHit>()
  for (const hit of candidates(name).flatMap((candidate) => hitsOf(folder, candidate))) {
    const better = hits.get(hit.sidecar)
    if (better === undefined || (hit.exact && !better.exact)) hits.set(hit.sidecar, hit)
  }
  const found = hits.size === 0 ? NONE : [...hits.values()]
  folder.lookups.set(name, found)
  return found
}

function hitsOf(folder: Folder, { base, counter, rule, rank, name }: Candidate): readonly NamedHit[] {
  const sidecars = folder.sidecars.named(base, counter)
  // What lies behind the cut is the title's own only where Takeout numbers nothing of that name.
  if (sidecars.length === 0 || (rule === 'counter-cut-away' && folder.sidecars.isNumbered(base))) return NONE
  return sidecars.map((sidecar) => {
    return { sidecar, rule, rank, fit: titleFit(sidecar, name), guess: false, exact: sidecar.base === base }
  })
}

/** {@link direct} in any spelling. */
function own(folder: Folder, name: string): readonly Hit[] {
  return named(folder, name)
    .filter((hit) => hit.fit !== 'no')
    .toSorted((a, b) => Number(b.exact) - Number(a.exact) || byFit(a, b))
}

/** The names that the forward model allows, best first. */
function candidates(name: string): Candidate[] {
  const list: Candidate[] = []
  // The cut counts the units of the spelling that Google had; an unzipper may have changed it since.
  for (const spelling of new Set([
    name,
    name.normalize('NFC'),
    name.normalize('NFD'),
    decodeEntities(name),
  ])) {
    const parsed = parseMediaName(spelling)
    list.push(...readingsOf(parsed, parsed.counter, 0))
    if (parsed.counter > 0) {
      const { stem, counter, extension } = parsed
      list.push(...readingsOf({ stem: `${stem}(${counter})`, extension, cutStem: stem }, 0, 10))
    }
  }
  return list
}

/** One reading of a name: which part of it the title had. */
function readingsOf(
  { stem, extension, cutStem }: Omit<MediaName, 'counter'> & { cutStem?: string },
  counter: number,
  rank: number,
): Candidate[] {
  const title = stem + extension
  const name = { stem, extension }
  const make = (text: string, rule: Rule, step: number): Candidate => {
    const base = cut(text, SIDECAR_NAME_UNITS)
    if (cutStem === undefined) return { base, counter, rule, rank: rank + step, name }
    // Of a counter that lies behind the cut nothing is left: it may as well be Takeout's own.
    const isGone = cutStem.length >= SIDECAR_NAME_UNITS
    const known = isGone ? { stem: cutStem, extension } : name
    return {
      base,
      counter,
      rule: isGone ? 'counter-cut-away' : 'counter-in-title',
      rank: rank + step,
      name: known,
    }
  }
  const list = [
    make(title + SUPPLEMENT, title.length < SIDECAR_NAME_UNITS ? 'supplemental' : 'plain', 0),
    make(title, 'plain', 1),
    make(stem + SUPPLEMENT, 'title-without-extension', 2),
    make(stem, 'title-without-extension', 3),
  ]
  if (title.length > SIDECAR_NAME_UNITS && cutStem === undefined) {
    list.push({ base: title + SUPPLEMENT, counter, rule: 'uncut', rank: rank + 4, name })
    list.push({ base: title, counter, rule: 'uncut', rank: rank + 5, name })
  }
  return list
}

/** The JSON of a still of that name, the one whose picture is there first. */
function stills(
  folder: Folder,
  { stem, counter }: { stem: string; counter: number },
  rule: Rule,
  rank = 0,
): readonly Hit[] {
  const short = cut(stem, SIDECAR_NAME_UNITS)
  const found = new Set([
    ...folder.sidecars.ofStem(stem, counter).filter(({ extension }) => isStill(extension)),
    ...(stem.length >= SIDECAR_NAME_UNITS ? folder.sidecars.named(short, counter) : []),
  ])
  const hits = [...found].map((sidecar): Hit => {
    const isThere = folder.media.hasStem(stem, counter, sidecar.extension)
    return { sidecar, rule, rank: rank + (isThere ? 0 : 10), fit: stemFit(sidecar, stem), guess: false }
  })
  return hits
    .filter((hit) => hit.fit !== 'no')
    .toSorted((a, b) => a.rank - b.rank || preference(a.sidecar) - preference(b.sidecar) || byFit(a, b))
}

/** An edited copy may be a JPEG where its original is none, and its extension may be cut. */
function otherType(folder: Folder, { stem, counter, extension }: MediaName): readonly Hit[] {
  const lower = extension.toLowerCase()
  const hits: Hit[] = []
  for (const sidecar of folder.sidecars.ofStem(stem, counter)) {
    const original = sidecar.extension.toLowerCase()
    const fits = stemFit(sidecar, stem)
    const isCut = lower !== '' && original !== lower && original.startsWith(lower)
    const isConverted =
      /^\.jpe?g$/u.test(lower) && (/^\.hei[cf]$/u.test(original) || kindOf(original) === 'raw')
    if (fits === 'no' || !(isCut || isConverted)) continue
    hits.push({ sidecar, rule: isCut ? 'edited-cut' : 'edited-other-type', rank: 50, fit: fits, guess: true })
  }
  return hits
}

function isStill(extension: string): boolean {
  const lower = extension.toLowerCase()
  return lower !== '' && STILLS.some((still) => still.startsWith(lower))
}

function preference({ extension }: Sidecar): number {
  return STILLS.findIndex((still) => still.startsWith(extension.toLowerCase()))
}

function byFit(a: Hit, b: Hit): number {
  return (
    Number(b.fit === 'yes') - Number(a.fit === 'yes') ||
    a.rank - b.rank ||
    order(a.sidecar.name, b.sidecar.name)
  )
}
