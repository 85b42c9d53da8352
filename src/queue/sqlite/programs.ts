/**
 * Runs the functions of the store's program, each so that it leaves nothing behind when it throws.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { type ErrorRecord, toErrorRecord } from '../../errors.ts'
import type { AddedTask } from '../backend.ts'
import type { StoreProgram, Transaction } from '../commit.ts'
import { storedResult } from '../new-task.ts'
import { own, synchronous } from '../program-functions.ts'
import { UnknownCallError } from '../queue-errors.ts'
import type { NewTask } from '../task.ts'
import type { Statements } from './statements.ts'
import { type TaskRow, taskOfRow } from './task-row.ts'
import type { Transactions } from './transactions.ts'

export interface ProgramsOptions {
  readonly db: DatabaseSync
  readonly sql: Statements
  readonly transactions: Transactions
  readonly program: StoreProgram<DatabaseSync>
  readonly add: (tasks: readonly NewTask[]) => readonly AddedTask[]
}

export class Programs {
  readonly #options: ProgramsOptions

  constructor(options: ProgramsOptions) {
    this.#options = options
  }

  get kindsWithCommit(): readonly string[] {
    return Object.keys(this.#options.program.commits ?? {})
  }

  /**
   * Runs the commit function of the task's kind, when there is one. Answers what that returned, and the result as it is
   * to be stored; or why there is none.
   */
  commit(
    row: TaskRow,
    result: unknown,
  ): { readonly value: unknown; readonly stored: string } | { readonly error: unknown } {
    const commit = own(this.#options.program.commits, row.kind)
    const { transactions } = this.#options
    let stored = 'null'
    const part = transactions.attempt(() => {
      stored = storedResult(result)
      if (commit === undefined) return undefined
      const completed: TaskRow = {
        ...row,
        status: 'completed',
        cancel_requested: 0,
        finished_at: transactions.now,
        result: stored,
      }
      return synchronous(commit(this.#handle(), taskOfRow(completed), result))
    })
    return 'error' in part ? part : { ...part, stored }
  }

  /**
   * Runs the failure function of the task's kind; answers what it returned. When it throws, the task is failed all
   * the same and says why.
   */
  tellFailure(taskId: number, kind: string): unknown {
    const { sql, transactions, program } = this.#options
    const failure = own(program.failures, kind)
    const row = failure && (sql.get.get(taskId) as unknown as TaskRow | undefined)
    if (failure === undefined || row === undefined) return undefined
    const part = transactions.attempt(() => synchronous(failure(this.#handle(), taskOfRow(row))))
    if ('value' in part) return part.value
    this.#noteBrokenFailure(row, toErrorRecord(part.error))
    return undefined
  }

  /** In a transaction of its own. */
  call(name: string, argument: unknown): unknown {
    const { program, transactions } = this.#options
    const call = own(program.calls, name)
    if (call === undefined) throw new UnknownCallError(name, Object.keys(program.calls ?? {}))
    return transactions.run(() => synchronous(call(this.#handle(), argument)))
  }

  /** An addition inside a function of the program is all or none too, should the function catch what it throws. */
  #handle(): Transaction<DatabaseSync> {
    const { db, transactions, add } = this.#options
    return {
      db,
      now: transactions.now,
      add: (tasks) => {
        const part = transactions.attempt(() => add(tasks))
        if ('error' in part) throw part.error
        return part.value
      },
    }
  }

  #noteBrokenFailure(row: TaskRow, broken: ErrorRecord): void {
    const error = JSON.parse(row.error ?? '{}') as ErrorRecord
    const message = `${error.message}; recording that went wrong too: ${broken.message}`
    this.#options.sql.reword.run(JSON.stringify({ ...error, message }), row.id)
  }
}
