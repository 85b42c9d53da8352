/**
 * The program that a backend under the conformance suite is opened with.
 *
 * @module
 */

import type { StoreProgram } from '../../commit.ts'

/** How the suite's program keeps and reads effects in the backend's own database. */
export interface EffectLog<Database> {
  readonly migrate: (db: Database) => void
  readonly add: (db: Database, effect: string) => void
  readonly all: (db: Database) => readonly string[]
}

/** Tasks of this kind have a commit and a failure function. */
export const CONFORMANCE_PROGRAM_KIND = 'effect'

/** The program that the factory must open its backend with. */
export function conformanceProgram<Database>(log: EffectLog<Database>): StoreProgram<Database> {
  return {
    migrate: log.migrate,
    commits: {
      [CONFORMANCE_PROGRAM_KIND]: ({ db, add }, task, result) => {
        log.add(db, `done ${task.id}`)
        if (result === 'throw') {
          add([{ kind: 'plain', lane: 'made', payload: null }])
          throw new Error('commit refused')
        }
        if (result === 'async') return Promise.reject(new Error('too late'))
        if (result === 'spawn') add([{ kind: 'plain', lane: 'made', payload: task.id }])
        return `output of ${task.id}`
      },
    },
    failures: {
      [CONFORMANCE_PROGRAM_KIND]: ({ db }, task) => {
        log.add(db, `${task.status} ${task.id} ${task.error?.code}`)
        if (task.payload === 'throw') throw new Error('ledger is full')
        return `end of ${task.id}`
      },
    },
    calls: {
      effects: ({ db }) => log.all(db),
      addThenThrow: ({ db, add }) => {
        log.add(db, 'never')
        add([{ kind: 'plain', lane: 'made', payload: null }])
        throw new Error('changed my mind')
      },
    },
  }
}
