/**
 * What was applied last, to whom and by which rule: what tells an override from a change that is still to be made.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import type { AppliedFact, AppliedFacts, Fact, Override } from '../plan.ts'

export interface FactRecord {
  readonly subjectId: string
  readonly rule: string
  readonly fact: Fact
}

export interface FactTable {
  /** In the caller's transaction. `seq` grows with time. */
  record(records: readonly FactRecord[], seq: number): void
  /** In the caller's transaction: what an undo has made so. Facts stay; those that are otherwise now are marked. */
  recordUndo(records: readonly FactRecord[]): void
  /** In the caller's transaction: an album is called by its name from now on, or by an id again. */
  renameAlbum(from: string, to: string): void
  /** In the caller's transaction. */
  forget(overrides: readonly Override[] | undefined): void
  /** In the caller's transaction. */
  madeAlbum(albumId: string, rule: string): void
  /** In the caller's transaction. */
  unmadeAlbum(albumId: string): void
  read(): AppliedFacts
}

export function createFactTable(db: DatabaseSync): FactTable {
  const upsert = db.prepare(
    `INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, 0)
     ON CONFLICT (subject, kind, value)
     DO UPDATE SET rule = excluded.rule, fact = excluded.fact, seq = excluded.seq, undone = 0`,
  )
  const select = db.prepare(
    'SELECT value, rule, fact, seq, undone FROM facts WHERE subject = ? AND kind = ? ORDER BY value',
  )
  const mark = db.prepare('UPDATE facts SET undone = ? WHERE subject = ? AND kind = ? AND value = ?')
  const rename = db.prepare(
    `UPDATE OR REPLACE facts SET value = :to, fact = json_set(fact, '$.value', :to)
     WHERE kind = 'album' AND value = :from`,
  )
  const forgetOne = db.prepare('DELETE FROM facts WHERE subject = ? AND kind = ? AND value = ?')
  const made = db.prepare(
    'INSERT INTO made_albums VALUES (?, ?) ON CONFLICT (album_id) DO UPDATE SET rule = excluded.rule',
  )
  const unmade = db.prepare('DELETE FROM made_albums WHERE album_id = ?')
  return {
    record: (records, seq) => {
      for (const { subjectId, rule, fact } of records) {
        upsert.run(subjectId, fact.kind, valueKey(fact), rule, JSON.stringify(fact), seq)
      }
    },
    recordUndo: (records) => {
      for (const { subjectId, fact } of records) {
        const value = valueKey(fact)
        const known = select.all(subjectId, fact.kind).find((row) => row['value'] === value)
        if (known === undefined) continue
        const isRedone = isSameFact(JSON.parse(String(known['fact'])) as Fact, fact)
        mark.run(isRedone ? 0 : 1, subjectId, fact.kind, value)
      }
    },
    renameAlbum: (from, to) => void rename.run({ from, to }),
    forget: (overrides) => {
      if (overrides === undefined) db.exec('DELETE FROM facts')
      for (const { subjectId, fact } of overrides ?? []) forgetOne.run(subjectId, fact.kind, valueKey(fact))
    },
    madeAlbum: (albumId, rule) => void made.run(albumId, rule),
    unmadeAlbum: (albumId) => void unmade.run(albumId),
    read: () => {
      let table: FactsBySubject | undefined
      return {
        of: (subjectId, kind) => {
          table ??= readFacts(db)
          return ofKind(table.get(subjectId), kind)
        },
        madeAlbums: new Map(
          db
            .prepare('SELECT album_id, rule FROM made_albums')
            .all()
            .map((row) => [String(row['album_id']), String(row['rule'])]),
        ),
      }
    },
  }
}

/** Of each subject all kinds, in the order of kind and value. */
type FactsBySubject = ReadonlyMap<string, readonly AppliedFact[]>

/**
 * All at once, at the first question: rules ask about every asset several times, and each look-up in the file would take
 * some 50 µs. What one call did to many assets is one object for all of them.
 */
function readFacts(db: DatabaseSync): FactsBySubject {
  const table = new Map<string, AppliedFact[]>()
  const same = new Map<string, AppliedFact>()
  const rows = db
    .prepare('SELECT subject, rule, fact, seq, undone FROM facts ORDER BY subject, kind, value')
    .iterate()
  for (const { subject, rule, fact, seq, undone } of rows) {
    const key = `${String(seq)} ${String(undone)} ${String(rule)}\n${String(fact)}`
    let applied = same.get(key)
    if (applied === undefined) {
      applied = {
        ...(JSON.parse(String(fact)) as Fact),
        rule: String(rule),
        seq: Number(seq),
        ...(undone === 1 ? { undone: true } : {}),
      }
      same.set(key, applied)
    }
    const known = table.get(String(subject))
    if (known === undefined) table.set(String(subject), [applied])
    else known.push(applied)
  }
  return table
}

const NO_FACTS: readonly AppliedFact[] = []

function ofKind(facts: readonly AppliedFact[] | undefined, kind: Fact['kind']): readonly AppliedFact[] {
  return facts === undefined ? NO_FACTS : facts.filter((fact) => fact.kind === kind)
}

/** A subject has many tags, albums and members, but one date, one rating, and is a favourite or not. */
function valueKey(fact: Fact): string {
  return fact.kind === 'tag' || fact.kind === 'album' || fact.kind === 'share' ? fact.value : ''
}

function isSameFact(a: Fact, b: Fact): boolean {
  if (a.kind === 'date' && b.kind === 'date') return Date.parse(a.value) === Date.parse(b.value)
  if (a.kind === 'album' && b.kind === 'album') return a.is === b.is
  return isDeepStrictEqual(a, b)
}
