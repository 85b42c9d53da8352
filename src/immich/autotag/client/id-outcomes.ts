/**
 * What a bulk call of Immich says of each id, in the words of the domain.
 *
 * @module
 */

import type { IdOutcome } from '../autotag-api.ts'
import type { OutcomeAnswer } from './answers.ts'

/**
 * Of something put into something: `duplicate` means that it was there. `isRepeated`: an answer before this one was
 * lost, and what it would have called done is there now.
 */
export function additionOutcome({ id, success, error }: OutcomeAnswer, isRepeated: boolean): IdOutcome {
  if (success) return { id, outcome: 'done' }
  if (error === 'duplicate') return { id, outcome: isRepeated ? 'done' : 'was-so' }
  return { id, outcome: error === 'not_found' ? 'gone' : 'refused' }
}

/** Of something taken out: `not_found` means that it was not in it. */
export function removalOutcome({ id, success, error }: OutcomeAnswer, isRepeated: boolean): IdOutcome {
  if (success) return { id, outcome: 'done' }
  if (error === 'not_found') return { id, outcome: isRepeated ? 'done' : 'was-so' }
  return { id, outcome: 'refused' }
}
