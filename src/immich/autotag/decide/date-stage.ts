/**
 * Dates: repairs those that a name, a folder or a duplicate knows better, and marks those that nothing can tell.
 *
 * @module
 */

import { judge } from '../rules/predicate.ts'
import type { DateRules, DateSource } from '../rules.ts'
import type { AssetDraft } from './asset-draft.ts'
import {
  type DateCandidate,
  type DateContext,
  dateInFolder,
  datesInNames,
  datesOfDuplicate,
  presentDate,
} from './date-candidates.ts'
import { chooseDate, type DateChoice, type SourceDates } from './date-choice.ts'
import { ensure } from './ensure.ts'
import { toZoneText } from './file-zone.ts'
import { remark, setDate } from './ledger.ts'
import { type LibraryDraft, viewOf } from './library-draft.ts'

/** All are chosen before any is set, so that it does not matter which of two duplicates comes first. */
export function dateStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  const { dates } = library.rules
  if (dates === undefined) return
  const choices = drafts.map((draft) => chooseDateOf(library, draft, dates))
  for (const [index, draft] of drafts.entries()) apply(library, draft, dates, choices[index])
}

/** Undefined where the rules leave its date alone. */
export function chooseDateOf(
  library: LibraryDraft,
  draft: AssetDraft,
  dates: DateRules,
): DateChoice | undefined {
  if (!judge(dates.where, viewOf(library, draft)).holds) return undefined
  const of = [draft.taken, ...draft.group.map(({ taken }) => taken)]
  const known = draft.dateChoice
  if (known?.of.every((taken, index) => taken === of[index]) === true) return known.choice
  const context = dateContextOf(library)
  const choice = chooseDate(presentDate(draft, context), sourcesOf(draft, dates, context), dates)
  draft.dateChoice = { of, choice }
  return choice
}

export function dateContextOf({ rules, takenAtMs }: LibraryDraft): DateContext {
  return { zone: rules.zone, patterns: rules.patterns, nowMs: takenAtMs }
}

function sourcesOf(draft: AssetDraft, dates: DateRules, context: DateContext): readonly SourceDates[] {
  const ids = dates.sources.flatMap((source) => (source.kind === 'patterns' ? source.ids : []))
  return dates.sources.map((source) => ({
    source: source.kind,
    candidates: candidatesOf(source, draft, ids, context),
  }))
}

function candidatesOf(
  source: DateSource,
  draft: AssetDraft,
  ids: readonly string[],
  context: DateContext,
): readonly DateCandidate[] {
  switch (source.kind) {
    case 'exif':
      return []
    case 'patterns':
      return datesInNames(draft, source.ids, context)
    case 'folder':
      return toList(dateInFolder(draft, context))
    case 'duplicates':
      return draft.group
        .filter((member) => member !== draft)
        .flatMap((member) => datesOfDuplicate(member, ids, context))
  }
}

function toList(candidate: DateCandidate | undefined): readonly DateCandidate[] {
  return candidate === undefined ? [] : [candidate]
}

function apply(
  library: LibraryDraft,
  draft: AssetDraft,
  { unsure }: DateRules,
  choice: DateChoice | undefined,
): void {
  if (choice?.kind === 'set') {
    const { atMs, offsetMinutes, rule } = choice.candidate
    setDate(library, draft, { taken: { atMs, zone: toZoneText(offsetMinutes) }, rule })
  }
  const isUnsure = choice?.kind === 'unsure'
  if (isUnsure) remark(draft, { rule: 'dates.unsure', kind: 'date-unsure', says: choice.why })
  ensure(library, draft, { rule: 'dates.unsure', ensured: unsure }, isUnsure)
}
