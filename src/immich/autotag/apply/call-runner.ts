/**
 * Makes the calls of a run: several at a time, each written down before and after.
 *
 * Nothing here decides what is right to do; it makes calls, learns from how they end, and goes on with the others unless
 * nothing else could work either. When it is stopped the calls under way are finished, because their outcome is worth
 * more than the seconds.
 *
 * @module
 */

import { ImmichError, RejectedError } from '../../immich-errors.ts'
import type { AutotagApi, BulkKind } from '../autotag-api.ts'
import type { UndoneStep } from '../autotag-jobs.ts'
import type { StepOp } from '../plan.ts'
import type { Intent, Journal } from '../state.ts'
import { isInDoubt, judgeFailure } from './call-failure.ts'
import { type CallGate, createCallGate } from './call-gate.ts'
import { sizeKindOf, sizesOf } from './call-sizes.ts'
import { factsOf } from './facts-of.ts'
import { findMadeAlbum } from './find-made-album.ts'
import { allOf, assetsOf, type CallResult, type Outcomes, performCall } from './perform-call.ts'
import { albumKey, stepKey, subjectsOf } from './step-parts.ts'
import { type ApplyCall, type ChangeGroup, cutCall, groupOf, halves } from './to-calls.ts'

/** How a call has ended. */
export interface Ending {
  readonly outcomes: Outcomes
  readonly albumId?: string
  readonly error?: ImmichError
}

export interface RunnerOptions {
  readonly api: AutotagApi
  readonly journal: Journal
  readonly runId: string
  /** Calls under way at a time; the client's limiter may allow fewer. */
  readonly width: number
  readonly signal: AbortSignal | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly onCall: (op: StepOp, subjects: number) => void
}

/** So many calls in a row that the server could not answer: it is not the calls. */
const TROUBLES = 3
/** So many single assets in a row that were rejected for no reason that is theirs: it is not the assets. */
const REJECTIONS = 6

export class CallRunner {
  /** Changes that were not begun, and why. */
  readonly notMade: UndoneStep[] = []
  /** By path; filled before the first stage. */
  readonly tagIds: Map<string, string> = new Map()
  /** Key to id, also of earlier attempts of the run. */
  readonly madeAlbums: Map<string, string> = new Map()
  /** Of albums that were made with all that was sent: their fingerprint then, by id. */
  readonly madeAs: Map<string, string> = new Map()
  /** Why it was stopped. */
  stoppedBy: ImmichError | undefined
  /** Subjects whose calls were not made because it was stopped. */
  left = 0
  readonly #options: RunnerOptions
  readonly #forbidden: Map<StepOp, ImmichError> = new Map()
  readonly #intents: { intent: Intent; written: () => void; failed: (error: unknown) => void }[] = []
  #seq: number
  #troubles = 0
  readonly #rejections: Map<StepOp, number> = new Map()
  /** Albums that were asked for a second time. */
  readonly #madeAgain: Set<string> = new Set()
  readonly #gate: CallGate

  constructor(options: RunnerOptions, lastSeq: number) {
    this.#options = options
    this.#gate = createCallGate(options.api, options.width)
    this.#seq = lastSeq
  }

  get isOver(): boolean {
    return this.stoppedBy !== undefined || this.#options.signal?.aborted === true
  }

  /**
   * Makes the calls of these groups, which are of one stage; resolves when all have ended or nothing more may begin.
   * Others may run beside it.
   */
  async run(groups: readonly ChangeGroup[]): Promise<void> {
    const [first] = groups
    if (first === undefined) return
    const kind = sizeKindOf(first.steps[0].op)
    const queue = [...groups].reverse()
    const work = async (): Promise<void> => {
      while (queue.length > 0 && !this.isOver && (await this.#takeOne(queue, kind))) {
        // Until nothing is left.
      }
    }
    const workers = Array.from({ length: Math.max(1, this.#options.width) }, work)
    const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    for (const { subjects } of queue) this.left += subjects.length
  }

  /** Cuts a call when it may begin, by what the calls before it have taken, and makes it. False: none was left. */
  async #takeOne(queue: ChangeGroup[], kind: BulkKind): Promise<boolean> {
    const leave = await this.#gate.enter(kind)
    try {
      const next = this.#next(queue)
      if (next === undefined) return false
      const seq = await this.#intend(next.call)
      // What comes after it needs it: an album must be there before it is filled.
      queue.push(...next.after, ...(await this.#make(next.call, seq)))
      return true
    } finally {
      leave()
    }
  }

  /** Makes a call again whose outcome is not known; its intent is written down already. */
  async repeat(call: ApplyCall, seq: number): Promise<void> {
    await this.run(await this.#make(call, seq, true))
  }

  /** Enters a call as ended. What has failed may be settled by later calls of the run. */
  settle(call: ApplyCall, seq: number, ending: Ending): void {
    const { journal, runId } = this.#options
    const { outcomes, albumId, error } = ending
    const [first] = call.steps
    if (albumId !== undefined && first.op === 'album.create')
      this.madeAlbums.set(albumKey(first.album), albumId)
    journal.settle(
      runId,
      seq,
      {
        outcomes,
        facts: factsOf(call.steps, outcomes, this),
        ...(albumId === undefined ? {} : { albumId }),
        ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
      },
      this.#isoNow(),
    )
  }

  #next(
    queue: ChangeGroup[],
  ): { readonly call: ApplyCall; readonly after: readonly ChangeGroup[] } | undefined {
    while (!this.isOver) {
      const group = queue.pop()
      if (group === undefined) return undefined
      const { op } = group.steps[0]
      const forbidden = this.#forbidden.get(op)
      if (forbidden !== undefined) {
        this.#refuse(group, forbidden)
        continue
      }
      const { call, rest } = cutCall(group, sizesOf(this.#options.api)[sizeKindOf(op)])
      const left = rest === undefined ? [] : [rest]
      if (op === 'album.create') return { call, after: left }
      queue.push(...left)
      return { call, after: [] }
    }
    return undefined
  }

  #refuse({ steps }: ChangeGroup, error: ImmichError): void {
    for (const step of steps) {
      this.notMade.push({ step, outcome: 'refused', ids: subjectsOf(step), message: error.message })
    }
  }

  /** Calls that begin at the same moment are written down in one transaction. */
  async #intend({ steps: [step, ...alsoSteps] }: ApplyCall): Promise<number> {
    this.#seq += 1
    const intent = { seq: this.#seq, step, alsoSteps }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#intents.push({ intent, written: resolve, failed: reject })
    if (this.#intents.length === 1) setImmediate(() => this.#writeIntents())
    await promise
    return intent.seq
  }

  #writeIntents(): void {
    const batch = this.#intents.splice(0)
    try {
      const intents = batch.map(({ intent }) => intent)
      this.#options.journal.intend(this.#options.runId, intents, this.#isoNow())
      for (const { written } of batch) written()
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
  }

  /** Resolves to what is to be done instead: halves, or what is missing in an album that was found. */
  async #make(call: ApplyCall, seq: number, isRepeat = false): Promise<readonly ChangeGroup[]> {
    const { api, onCall } = this.#options
    const [first] = call.steps
    const { subjects } = groupOf(call.steps)
    try {
      const result = await performCall(call, api, this)
      this.#troubles = 0
      this.#rejections.delete(first.op)
      return await this.#succeed(call, seq, isRepeat ? asOwn(result) : result)
    } catch (error) {
      if (!(error instanceof ImmichError)) throw error
      return await this.#fail(call, seq, error)
    } finally {
      onCall(first.op, subjects.length)
    }
  }

  async #succeed(
    call: ApplyCall,
    seq: number,
    { outcomes, made }: CallResult,
  ): Promise<readonly ChangeGroup[]> {
    if (made === undefined) {
      this.settle(call, seq, { outcomes })
      return []
    }
    // The server leaves out silently what is gone.
    const assets = assetsOf(call.steps)
    const isWhole = made.assetCount === assets.length
    if (isWhole) this.madeAs.set(made.id, made.fingerprint)
    const missing = isWhole ? [] : await this.#missingIn(made.id, assets)
    const gone = Object.fromEntries(missing.map((id) => [id, 'gone' as const]))
    this.settle(call, seq, { outcomes: { ...outcomes, ...gone }, albumId: made.id })
    return []
  }

  async #missingIn(albumId: string, assets: readonly string[]): Promise<readonly string[]> {
    try {
      const inside = new Set(
        await this.#options.api.albumAssetIds(albumId, ['timeline', 'archive', 'hidden']),
      )
      return assets.filter((id) => !inside.has(id))
    } catch (error) {
      // The look afterwards compares the count once more.
      if (error instanceof ImmichError) return []
      throw error
    }
  }

  async #fail(call: ApplyCall, seq: number, error: ImmichError): Promise<readonly ChangeGroup[]> {
    const [first] = call.steps
    const { subjects } = groupOf(call.steps)
    const verdict = judgeFailure(error, first, subjects.length)
    const next =
      first.op === 'album.create' && isInDoubt(error) ? await this.#lookFor(call, seq, error) : undefined
    if (next !== undefined) return next
    if (verdict === 'stop') this.stoppedBy ??= error
    if (verdict === 'forbidden') this.#forbidden.set(first.op, error)
    if (verdict === 'trouble') this.#noteTrouble(error)
    if (verdict === 'refused') this.#rejections.set(first.op, this.#rejectionsOf(first.op) + 1)
    const parts = verdict === 'split' && this.#isWorthSplitting(error, first.op) ? halves(call) : undefined
    const outcomes = failedOutcomes(call, verdict, error, parts !== undefined)
    this.settle(call, seq, { outcomes, error })
    return parts?.toReversed() ?? []
  }

  /** An asset that is gone is found by halving; where every asset is rejected, it is the change that is wrong. */
  #isWorthSplitting(error: ImmichError, op: StepOp): boolean {
    return !(error instanceof RejectedError) || this.#rejectionsOf(op) < REJECTIONS
  }

  #rejectionsOf(op: StepOp): number {
    return this.#rejections.get(op) ?? 0
  }

  #noteTrouble(error: ImmichError): void {
    this.#troubles += 1
    if (this.#troubles >= TROUBLES) this.stoppedBy ??= error
  }

  /**
   * An album whose making may have succeeded: found, it is taken as made; a server that is there and has it not is asked
   * once more to make it. Undefined when nobody knows.
   */
  async #lookFor(
    call: ApplyCall,
    seq: number,
    error: ImmichError,
  ): Promise<readonly ChangeGroup[] | undefined> {
    const { api, journal, runId } = this.#options
    const claimed = new Set(this.madeAlbums.values())
    try {
      const found = await findMadeAlbum(call, api, journal.albumsBefore(runId), claimed)
      if (found !== undefined) {
        const { rest, ...ending } = found
        this.settle(call, seq, ending)
        return rest
      }
    } catch (problem) {
      if (problem instanceof ImmichError) return undefined
      throw problem
    }
    const key = stepKey(call.steps[0])
    if (this.#madeAgain.has(key)) return undefined
    this.#madeAgain.add(key)
    this.settle(call, seq, { outcomes: allOf(call.steps, 'failed'), error })
    return [groupOf(call.steps)]
  }

  #isoNow(): string {
    return new Date(this.#options.now()).toISOString()
  }
}

/** Repeated after a crash, what is so already was most likely done by the first attempt. */
function asOwn({ outcomes, ...result }: CallResult): CallResult {
  const own = Object.entries(outcomes).map(([id, outcome]) => [id, outcome === 'was-so' ? 'done' : outcome])
  return { ...result, outcomes: Object.fromEntries(own) }
}

function failedOutcomes(
  { steps }: ApplyCall,
  verdict: ReturnType<typeof judgeFailure>,
  error: ImmichError,
  isSplit: boolean,
): Outcomes {
  if (isSplit) return allOf(steps, 'failed')
  if (verdict === 'gone') return allOf(steps, 'gone')
  if (verdict === 'refused' || verdict === 'forbidden' || verdict === 'split') return allOf(steps, 'refused')
  return isInDoubt(error) ? {} : allOf(steps, 'failed')
}
