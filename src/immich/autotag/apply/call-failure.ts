/**
 * What a failed call means for the rest of a run: pure.
 *
 * @module
 */

import {
  ClientClosedError,
  ForbiddenError,
  ImmichError,
  isOverload,
  NotFoundError,
  RejectedError,
  TooLargeError,
  UnauthorizedError,
  UnexpectedAnswerError,
  UnreachableError,
} from '../../immich-errors.ts'
import type { Step, StepOp } from '../plan.ts'

/**
 * - `stop`: nothing else can work either; the run can be resumed.
 * - `forbidden`: the key may not do this kind of change at all.
 * - `split`: something in it is at fault; its halves are tried.
 * - `gone`, `refused`: the server will never do it.
 * - `trouble`: the server could not, this time.
 */
export type FailureVerdict = 'stop' | 'forbidden' | 'split' | 'gone' | 'refused' | 'trouble'

/** Calls that the server does whole or not at all: one id that is gone fails the others. */
const ALL_OR_NOTHING: ReadonlySet<StepOp> = new Set(['date.set', 'asset.set'])
const CAN_BE_CUT: ReadonlySet<StepOp> = new Set([
  ...ALL_OR_NOTHING,
  'tag.add',
  'tag.remove',
  'album.add',
  'album.remove',
])

export function judgeFailure(error: ImmichError, step: Step, subjects: number): FailureVerdict {
  const isCuttable = subjects > 1 && CAN_BE_CUT.has(step.op)
  if (HOPELESS.some((Hopeless) => error instanceof Hopeless)) return 'stop'
  if (error instanceof ForbiddenError) return 'forbidden'
  const verdict = FINAL.find(([Final]) => error instanceof Final)?.[1]
  if (verdict === undefined) return 'trouble'
  const isSplit = isCuttable && (error instanceof TooLargeError || ALL_OR_NOTHING.has(step.op))
  return isSplit ? 'split' : verdict
}

const HOPELESS = [UnauthorizedError, UnreachableError, ClientClosedError] as const

const FINAL = [
  [TooLargeError, 'refused'],
  [NotFoundError, 'gone'],
  [RejectedError, 'refused'],
] as const

/** Whether the server may have done it all the same. */
export function isInDoubt(error: unknown): boolean {
  if (!(error instanceof ImmichError)) return true
  if (error instanceof UnexpectedAnswerError || error instanceof ClientClosedError) return true
  if (error instanceof UnreachableError) {
    return !(error.failure.kind === 'connection' && !error.failure.wasSent)
  }
  return isOverload(error)
}
