/**
 * What autotag has done, from its journal.
 *
 * @module
 */

import { subjectsOf } from './apply/step-parts.ts'
import type { AutotagReport, RunSummary } from './autotag-jobs.ts'
import type { Step } from './plan.ts'
import { rulePartsOf } from './rules/rule-parts.ts'
import type { Rules } from './rules.ts'
import type { AutotagState, CallRecord, RunRecord } from './state.ts'

/** The newest first. */
export function reportOf({ journal }: AutotagState, rules: Rules, address: string): AutotagReport {
  const albums = new Map<string, string>()
  const runs = journal.runs().map((run) => summaryOf(run, journal.callsOf(run.id), albums))
  const tags = new Set(rulePartsOf(rules).flatMap(({ ensured }) => ensured.tags))
  return {
    runs: runs.toReversed(),
    links: [
      ...[...tags].toSorted().map((name) => ({
        name,
        kind: 'tag' as const,
        address: `${address}/tags?path=${encodeURIComponent(name)}`,
      })),
      ...[...albums].map(([id, name]) => ({
        name,
        kind: 'album' as const,
        address: `${address}/albums/${id}`,
      })),
    ],
  }
}

/** Adds the albums that the run made to `albums`, and takes out those that it deleted. */
function summaryOf(run: RunRecord, calls: Iterable<CallRecord>, albums: Map<string, string>): RunSummary {
  const changes: Record<string, number> = {}
  let failed = 0
  for (const { step, alsoSteps, outcomes = {}, albumId } of calls) {
    if (step.op === 'album.create' && albumId !== undefined) albums.set(albumId, step.album.name)
    if (step.op === 'album.delete') albums.delete(step.album.id)
    for (const one of [step, ...alsoSteps]) {
      const ended = countedOf(one).map((subject) => outcomes[subject])
      const done = ended.filter((outcome) => outcome === 'done').length
      if (done > 0) changes[one.op] = (changes[one.op] ?? 0) + done
      failed += ended.filter((outcome) => outcome === 'failed' || outcome === 'refused').length
    }
  }
  return { ...run, changes, failed }
}

/** An album that is made is one change, however many assets come with it. */
function countedOf(step: Step): readonly string[] {
  return step.op === 'album.create' ? [step.album.key] : subjectsOf(step)
}
