/**
 * What a call's outcome makes true of assets and albums, to be remembered as the rules' doing.
 *
 * @module
 */

import type { Fact, Step } from '../plan.ts'
import { albumIdOf, type Names, type Outcomes } from './perform-call.ts'

export interface RuleFact {
  readonly subjectId: string
  readonly rule: string
  readonly fact: Fact
}

/** Only of what was done by this call: what was so already is nobody's doing. */
export function factsOf(steps: readonly Step[], outcomes: Outcomes, names: Names): RuleFact[] {
  return steps.flatMap((step) => {
    const done = (id: string): boolean => outcomes[id] === 'done'
    const about = (subjectId: string, fact: Fact): RuleFact => ({ subjectId, rule: step.rule, fact })
    if ('assetIds' in step) {
      const fact = assetFact(step, names)
      return fact === undefined ? [] : step.assetIds.filter(done).map((id) => about(id, fact))
    }
    if (step.op === 'album.delete' || !done(step.userId)) return []
    const albumId = albumIdOf(step.album, names)
    const role = step.op === 'share.remove' ? null : step.role
    return albumId === undefined ? [] : [about(albumId, { kind: 'share', value: step.userId, role })]
  })
}

function assetFact(step: Extract<Step, { assetIds: readonly string[] }>, names: Names): Fact | undefined {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return { kind: 'tag', value: step.tag, is: step.op === 'tag.add' }
    case 'date.set':
      return { kind: 'date', value: step.to.dateTimeOriginal }
    case 'asset.set':
      if ('isFavourite' in step.to) return { kind: 'favorite', is: step.to.isFavourite }
      // Only an undo takes a rating away; Immich has none of 0.
      return { kind: 'rating', value: step.to.rating ?? 0 }
    case 'album.add':
    case 'album.create':
    case 'album.remove': {
      const albumId = albumIdOf(step.album, names)
      if (albumId === undefined) return undefined
      return { kind: 'album', value: albumId, name: step.album.name, is: step.op !== 'album.remove' }
    }
  }
}
