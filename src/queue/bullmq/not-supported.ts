/**
 * What BullMQ cannot promise is refused by name, instead of being done half.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'

/** Something was asked of the BullMQ backend that only the SQLite backend can promise. */
export class NotSupportedError extends HeirloomError {
  readonly code = 'queue/not-supported'
  readonly recovery = 'discard'

  /** `what` is the subject of the message; `instead` is an imperative sentence. */
  constructor(what: string, instead: string) {
    super(`${what} is not supported on Redis`, { hint: instead })
  }
}
