/**
 * The journal of runs: every call before it is made and after, so that a crash loses nothing and a run can be undone.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Plan, Step } from '../plan.ts'
import type { CallRecord, Journal, RunRecord } from '../state.ts'
import type { FactTable } from './applied-facts.ts'
import { type ApplyLock, takeApplyLock } from './apply-lock.ts'
import { inDurableTransaction, inTransaction } from './in-transaction.ts'
import { decodeOutcomes, encodeOutcomes } from './outcome-code.ts'
import { packIds, unpackIds } from './packed-ids.ts'
import { UnknownRunError } from './state-errors.ts'

export interface OpenJournal extends Journal {
  /** Gives the right to apply back; a run that was going on can be resumed. */
  release(): void
}

/** Calls read at a time. */
const PAGE = 100

export function createJournal(db: DatabaseSync, facts: FactTable, lockPath: string): OpenJournal {
  let lock: ApplyLock | undefined
  const release = (): void => {
    lock?.release()
    lock = undefined
  }
  const runOf = (runId: string): RunRecord => toRun(runRow(db, runId))
  const intendOne = db.prepare('INSERT INTO calls (run_id, seq, steps, started_at) VALUES (?, ?, ?, ?)')

  return {
    claim: (now) => {
      // Of this process, which has it already, too: a file that is locked cannot be locked again.
      lock = takeApplyLock(lockPath, Date.parse(now))
      return release
    },
    begin: ({ kind, undoes, plan, albumsBefore, now }) => {
      lock ??= takeApplyLock(lockPath, Date.parse(now))
      const id = runIdAt(now)
      inDurableTransaction(db, () => {
        db.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)').run(
          id,
          kind,
          undoes ?? null,
          plan.id,
          deflateRawSync(JSON.stringify(plan)),
          packIds(albumsBefore),
          now,
          'running',
        )
      })
      return runOf(id)
    },
    reopen: (runId) => {
      const before = runOf(runId)
      lock ??= takeApplyLock(lockPath, Date.parse(before.startedAt))
      inDurableTransaction(db, () => {
        db.prepare("UPDATE runs SET status = 'running', ended_at = NULL WHERE id = ?").run(runId)
      })
      return runOf(runId)
    },
    albumsBefore: (runId) =>
      new Set(unpackIds(runRow(db, runId, 'albums_before')['albums_before'] as Uint8Array)),
    intend: (runId, intents, now) => {
      inDurableTransaction(db, () => {
        for (const { seq, step, alsoSteps } of intents) {
          intendOne.run(runId, seq, JSON.stringify([step, ...alsoSteps]), now)
        }
      })
    },
    settle: (runId, seq, result, now) => settleCall(db, facts, { runId, seq, result, now }),
    end: (runId, status, now) => {
      inDurableTransaction(db, () => {
        db.prepare('UPDATE runs SET status = ?, ended_at = ? WHERE id = ?').run(status, now, runId)
      })
      release()
    },
    runs: () => db.prepare(`SELECT ${RUN_COLUMNS} FROM runs ORDER BY started_at, rowid`).all().map(toRun),
    planOf: (runId) => {
      const packed = runRow(db, runId, 'plan')['plan'] as Uint8Array
      return JSON.parse(inflateRawSync(packed).toString()) as Plan
    },
    callsOf: (runId) => {
      runRow(db, runId)
      return readCalls(db, runId)
    },
    release,
  }
}

function settleCall(
  db: DatabaseSync,
  facts: FactTable,
  call: {
    readonly runId: string
    readonly seq: number
    readonly result: Parameters<Journal['settle']>[2]
    readonly now: string
  },
): void {
  const { runId, seq, result, now } = call
  const { callId, steps } = intended(db, runId, seq)
  inTransaction(db, () => {
    db.prepare(
      'UPDATE calls SET ended_at = ?, outcomes = ?, album_id = ?, error_code = ?, error_message = ? WHERE id = ?',
    ).run(
      now,
      encodeOutcomes(steps, result.outcomes),
      result.albumId ?? null,
      result.error?.code ?? null,
      result.error?.message ?? null,
      callId,
    )
    noteAlbums(facts, steps, result)
    if (runRow(db, runId)['kind'] === 'undo') facts.recordUndo(result.facts)
    else facts.record(result.facts, callId)
  })
}

/** What an album's making or deleting means for the facts about it. */
function noteAlbums(
  facts: FactTable,
  steps: readonly Step[],
  { outcomes, albumId }: { readonly outcomes: CallRecord['outcomes']; readonly albumId?: string },
): void {
  const [step] = steps
  if (step?.op === 'album.create' && albumId !== undefined) {
    facts.madeAlbum(albumId, step.rule)
    facts.renameAlbum(step.album.name, albumId)
  }
  if (step?.op === 'album.delete' && ['done', 'gone'].includes(outcomes?.[step.album.id] ?? '')) {
    facts.unmadeAlbum(step.album.id)
    // It may come back by an undo or a rule, under another id: what was done to its assets is still known then.
    facts.renameAlbum(step.album.id, step.album.name)
  }
}

const RUN_COLUMNS = 'id, kind, undoes, plan_id, started_at, ended_at, status'

type Row = Readonly<Record<string, unknown>>

function runRow(db: DatabaseSync, runId: string, columns = RUN_COLUMNS): Row {
  const row = db.prepare(`SELECT ${columns} FROM runs WHERE id = ?`).get(runId)
  if (row === undefined) throw new UnknownRunError(runId)
  return row
}

function toRun(row: Row): RunRecord {
  return {
    id: String(row['id']),
    kind: row['kind'] as RunRecord['kind'],
    undoes: textOf(row['undoes']),
    planId: String(row['plan_id']),
    startedAt: String(row['started_at']),
    endedAt: textOf(row['ended_at']),
    status: row['status'] as RunRecord['status'],
  }
}

function intended(db: DatabaseSync, runId: string, seq: number): { callId: number; steps: Step[] } {
  const row = db.prepare('SELECT id, steps FROM calls WHERE run_id = ? AND seq = ?').get(runId, seq)
  if (row === undefined) throw new UnknownRunError(`${runId} call ${seq}`)
  return { callId: Number(row['id']), steps: JSON.parse(String(row['steps'])) as Step[] }
}

function* readCalls(db: DatabaseSync, runId: string): Generator<CallRecord> {
  const page = db.prepare('SELECT * FROM calls WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?')
  for (let after = 0; ; ) {
    const calls = page.all(runId, after, PAGE).map(toCall)
    yield* calls
    const last = calls.at(-1)
    if (last === undefined) return
    after = last.seq
  }
}

function toCall(row: Row): CallRecord {
  const [step, ...alsoSteps] = JSON.parse(String(row['steps'])) as [Step, ...Step[]]
  const stored = textOf(row['outcomes'])
  const code = textOf(row['error_code'])
  return {
    seq: Number(row['seq']),
    step,
    alsoSteps,
    startedAt: String(row['started_at']),
    endedAt: textOf(row['ended_at']),
    outcomes: stored === undefined ? undefined : decodeOutcomes([step, ...alsoSteps], stored),
    albumId: textOf(row['album_id']),
    error: code === undefined ? undefined : { code, message: String(row['error_message']) },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** `2026-11-22T09-15-00Z-4f2a`: by time, and good as a file's name. */
function runIdAt(now: string): string {
  const second = new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')
  return `${second}Z-${randomBytes(2).toString('hex')}`
}
