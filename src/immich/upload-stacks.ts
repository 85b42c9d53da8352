/**
 * Stacks on the server: edited and original, RAW and JPEG.
 *
 * One call makes one stack, and making it twice moves its pictures; where they may be in a stack already, the
 * server is asked first. A stack of somebody's own making stays as it is.
 *
 * @module
 */

import type { ImmichApi } from './api.ts'
import { NotFoundError, RejectedError } from './immich-errors.ts'
import type { OpenStack, StackEnd, UploadJournal } from './upload-journal.ts'
import { pages } from './upload-pages.ts'

const STACK_PAGE = 200

export interface MadeStacks {
  readonly made: number
  /** Left alone: some of the pictures are in somebody's own stack, or the server refused. */
  readonly left: number
}

/** @throws What the server threw that may go better later; what was done until then is in the journal. */
export async function makeStacks(
  api: ImmichApi,
  journal: UploadJournal,
  signal?: AbortSignal,
): Promise<MadeStacks> {
  const sum = { made: 0, left: 0 }
  for await (const stack of pages(
    STACK_PAGE,
    (page) => journal.openStacks(page),
    ({ assetId }) => assetId,
  )) {
    signal?.throwIfAborted()
    const isUntouched = stack.isFresh && stack.state === 'planned'
    const known = isUntouched ? undefined : await orLeft(findStack(api, stack, signal))
    const end = known ?? (await makeStack(api, journal, stack, signal))
    await journal.settleStack(stack.assetId, end)
    if (end.state === 'left') sum.left += 1
    else if (known === undefined) sum.made += 1
  }
  return sum
}

async function makeStack(
  api: ImmichApi,
  journal: UploadJournal,
  stack: OpenStack,
  signal: AbortSignal | undefined,
): Promise<StackEnd> {
  await journal.intendStack(stack.assetId)
  try {
    return { state: 'done', remoteId: (await api.createStack(stack.remoteIds, signal)).id }
  } catch (error) {
    signal?.throwIfAborted()
    // The answer may be all that was lost. A server that cannot be asked is asked by the next run.
    const made = await findStack(api, stack, signal).catch(() => undefined)
    if (made?.state === 'done') return made
    return await orLeft(Promise.reject(error))
  }
}

/** A picture that was deleted on the server cannot be stacked; asking again would not help. */
async function orLeft<Answer>(work: Promise<Answer>): Promise<Answer | { readonly state: 'left' }> {
  try {
    return await work
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof RejectedError) return { state: 'left' }
    throw error
  }
}

/** A stack with all of ours is the one that was wanted; one with some of them is somebody's own. */
async function findStack(
  api: ImmichApi,
  stack: OpenStack,
  signal: AbortSignal | undefined,
): Promise<StackEnd | undefined> {
  for (const one of stack.remoteIds) {
    const [known] = await api.stacksOf(one, signal)
    if (known === undefined) continue
    const isWhole = stack.remoteIds.every((remoteId) => known.assetIds.includes(remoteId))
    if (isWhole) return { state: 'done', remoteId: known.id }
    // Our own of before gets what it lacks: the server takes over what a stack has when another is made of it.
    if (known.id !== stack.remoteId) return { state: 'left' }
  }
  return undefined
}
