/**
 * Decides, in memory, what the rules want of a library.
 *
 * The stages have a fixed order: moves, dates, duplicates, categories, albums, categories again, checks. They are run
 * until nothing changes any more, so that a second run finds nothing to do; only assets that a round has changed, and
 * their duplicates, are looked at again. Rules that fight (each undoing what the other does) would never come to rest:
 * after {@link MAX_ROUNDS} rounds what still changes is left as it is on the server, and both rules are named. Sharing
 * and the deletion of empty albums come last, as nothing depends on them.
 *
 * Pure: no clock, no I/O, and no order of the input decides anything.
 *
 * @module
 */

import type { AppliedFacts } from '../plan.ts'
import type { Rules } from '../rules.ts'
import type { Snapshot } from '../snapshot.ts'
import { albumStage } from './album-stage.ts'
import { type AssetDraft, beginRound, NO_REMARKS, resetDraft } from './asset-draft.ts'
import { categoryStage } from './category-stage.ts'
import { checkStage } from './check-stage.ts'
import { collect } from './collect.ts'
import { dateStage } from './date-stage.ts'
import type { Decision } from './decision.ts'
import { duplicateStage } from './duplicate-stage.ts'
import { sharedTargets } from './ensure.ts'
import { createLibraryDraft, type LibraryDraft } from './library-draft.ts'
import { moveStage } from './move-stage.ts'
import { type Oscillation, oscillationsOf } from './oscillation.ts'

/** As the guide says; rules that need more build on each other in the wrong order. */
const MAX_ROUNDS = 5

/** Then whole assets are frozen, which always ends. */
const MAX_FREEZES = 3

export const NO_FACTS: AppliedFacts = { of: () => [], madeAlbums: new Map() }

type Stage = (library: LibraryDraft, drafts: readonly AssetDraft[]) => void

const STAGES: readonly Stage[] = [
  moveStage,
  dateStage,
  duplicateStage,
  categoryStage,
  albumStage,
  categoryStage,
  checkStage,
]

/** What the rules want; `facts` tell what users have taken back. */
export function decide(snapshot: Snapshot, rules: Rules, facts: AppliedFacts = NO_FACTS): Decision {
  const library = createLibraryDraft(snapshot, rules, facts, sharedTargets(rules))
  const oscillations: Oscillation[] = []
  let rounds = 0
  let dirty: readonly AssetDraft[] = [...library.assets.values()]
  for (let freezes = 0; dirty.length > 0; freezes += 1) {
    const settled = runRounds(library, dirty)
    rounds += settled.rounds
    dirty = settled.restless
    const fights = fightsOf(dirty)
    oscillations.push(...fights.values().toArray().flat())
    dirty = freeze(library, fights, freezes >= MAX_FREEZES)
  }
  return collect(library, oscillations, rounds)
}

/** Runs all stages until nothing changes; `restless` are assets that still did in the last round. */
function runRounds(
  library: LibraryDraft,
  drafts: readonly AssetDraft[],
): { readonly rounds: number; readonly restless: readonly AssetDraft[] } {
  let dirty = drafts
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    for (const draft of dirty) {
      draft.overrides = undefined
      draft.remarks = NO_REMARKS
    }
    for (const draft of library.assets.values()) beginRound(draft)
    const known = countMade(library)
    for (const stage of STAGES) stage(library, dirty)
    const hasNew = countMade(library) > known
    const isMoving = [...library.assets.values()].some(({ round: changes }) => changes.size > 0)
    dirty = withGroups(
      library,
      (draft) => draft.round.size > 0 || (hasNew && lacksTarget(draft)) || (isMoving && lacksRoom(draft)),
    )
    if (dirty.length === 0) return { rounds: round, restless: [] }
  }
  return { rounds: MAX_ROUNDS, restless: dirty.filter(({ round }) => round.size > 0) }
}

function countMade({ made }: LibraryDraft): number {
  return made.tags.size + made.albums.size
}

/** It waits for a tag or an album that its rule does not make; another rule may have. */
function lacksTarget({ remarks }: AssetDraft): boolean {
  return remarks.some(({ kind }) => kind === 'tag-missing' || kind === 'album-missing')
}

/** Others kept it out of an album, and may have gone. */
function lacksRoom({ remarks }: AssetDraft): boolean {
  return remarks.some(({ kind }) => kind === 'span-too-long')
}

/** In the order of their ids. */
function withGroups(
  { assets }: LibraryDraft,
  isMeant: (draft: AssetDraft) => boolean,
): readonly AssetDraft[] {
  const found = new Set<AssetDraft>()
  for (const draft of assets.values()) {
    if (!isMeant(draft)) continue
    found.add(draft)
    for (const member of draft.group) found.add(member)
  }
  return found.size === 0 ? [] : [...assets.values()].filter((draft) => found.has(draft))
}

/**
 * What is to be left alone, by asset: where two rules fight over something, that alone, as what depends on it may come to
 * rest with it. Else all that moves.
 */
function fightsOf(restless: readonly AssetDraft[]): ReadonlyMap<AssetDraft, readonly Oscillation[]> {
  const fights = new Map<AssetDraft, readonly Oscillation[]>()
  const isSettled = new Set<AssetDraft>()
  for (const draft of restless) {
    const fought = oscillationsOf(draft).filter(({ rules }) => rules.length > 1)
    if (fought.length === 0) continue
    fights.set(draft, fought)
    for (const member of draft.group) isSettled.add(member)
  }
  for (const draft of restless) {
    if (!fights.has(draft) && !isSettled.has(draft)) fights.set(draft, oscillationsOf(draft))
  }
  return fights
}

/** Leaves what does not come to rest as it is on the server, and begins anew with all that may depend on it. */
function freeze(
  library: LibraryDraft,
  fights: ReadonlyMap<AssetDraft, readonly Oscillation[]>,
  isWhole: boolean,
): readonly AssetDraft[] {
  for (const [draft, cells] of fights) {
    if (isWhole) draft.isFrozen = true
    draft.frozen ??= new Set()
    for (const { cell } of cells) draft.frozen.add(cell)
  }
  const again = withGroups(library, (draft) => fights.has(draft))
  for (const draft of again) resetDraft(draft, library.starts)
  return again
}
