/**
 * Plans of small libraries, and what is in them in few words.
 *
 * @module
 */

import type { AppliedFact, AppliedFacts, Plan } from '../../plan.ts'
import { decide, NO_FACTS } from '../decide.ts'
import { makePlan } from '../make-plan.ts'
import { rulesOf, snapshotOf, type TestLibrary } from './library.ts'

export function planOf(library: TestLibrary, yaml: string, facts: AppliedFacts = NO_FACTS): Plan {
  const snapshot = snapshotOf(library)
  const rules = rulesOf(yaml)
  return makePlan({ snapshot, rules, decision: decide(snapshot, rules, facts), facts, madeAt: 'now' })
}

/** `tag.add look: a b` */
export function shown({ steps }: Pick<Plan, 'steps'>): readonly string[] {
  return steps.map((step) => {
    const of = 'tag' in step ? step.tag : 'album' in step ? step.album.name : ''
    const to = step.op === 'date.set' ? step.to.dateTimeOriginal : of
    const who = 'assetIds' in step ? step.assetIds.join(' ') : 'email' in step ? step.email : ''
    return `${step.op} ${to}: ${who}`
  })
}

/** Facts by subject; `made` are ids of albums and the rules that made them. */
export function factsOf(
  bySubject: Readonly<Record<string, readonly AppliedFact[]>>,
  made: Readonly<Record<string, string>> = {},
): AppliedFacts {
  return {
    of: (subjectId, kind) => (bySubject[subjectId] ?? []).filter((fact) => fact.kind === kind),
    madeAlbums: new Map(Object.entries(made)),
  }
}
