/**
 * Walks the catalog page by page, and tells of each page what is to be done for a server.
 *
 * @module
 */

import type { ImmichApi } from '../immich/api.ts'
import { toIgnoreMatcher } from '../immich/ignore-patterns.ts'
import type { AssetVerdict, UploadFamily } from '../immich/upload-asset.ts'
import { checkPage } from '../immich/upload-check.ts'
import { planUploads, type UploadPlan, type UploadPlanOptions } from '../immich/upload-plan.ts'
import type { Backend } from '../queue/backend.ts'
import { callLibrary } from './library-calls.ts'
import type { UploadSettings } from './upload-api.ts'

/** Items of a page: two checksums each are far from what one check may have (65,533), and the first file is soon sent. */
const PAGE_ITEMS = 1_000

/**
 * The first page is small, so that the line has something to do at once, and each is twice the one before: a small
 * library, too, is read, asked about and recorded side by side.
 */
const FIRST_PAGE_ITEMS = 50

/** A server that was never seen has no row in the catalog, and so nothing of the library. */
export const NO_SERVER = 0

export interface PlannedPage {
  readonly plan: UploadPlan
  /** Files that the server has, and their sizes together. */
  readonly present: number
  readonly presentBytes: number
  /** Their ids: another export may have the same contents. */
  readonly presentIds: readonly number[]
}

export interface PlanRequest {
  readonly backend: Backend
  readonly serverId: number
  readonly options: UploadPlanOptions
  /** Undefined: all exports. */
  readonly exportName: string | undefined
}

export function planOptionsOf(settings: UploadSettings, supported: ReadonlySet<string>): UploadPlanOptions {
  const { albumNames, includeTrashed, ignorePatterns, recheck = false } = settings
  // Folding the case of each path takes longer than all else of a plan.
  const isIgnored = ignorePatterns.length === 0 ? () => false : toIgnoreMatcher(ignorePatterns)
  return { supported, albumNames, includeTrashed, isIgnored, recheck }
}

/** Asks the server about every page. */
export async function* planPages(
  request: PlanRequest,
  api: ImmichApi,
  signal: AbortSignal,
): AsyncGenerator<PlannedPage> {
  const { options } = request
  const check = async (families: readonly UploadFamily[]): Promise<Checked> => {
    signal.throwIfAborted()
    return { families, verdicts: await checkPage(families, api, options, signal) }
  }
  for await (const { families, verdicts } of oneAhead(readPages(request), check)) {
    yield toPage(families, verdicts, options)
  }
}

interface Checked {
  readonly families: readonly UploadFamily[]
  readonly verdicts: ReadonlyMap<number, AssetVerdict>
}

/** Has the next item read, and the work on it done, while the consumer is busy with this one. */
async function* oneAhead<Item, Result>(
  items: AsyncIterator<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const pull = async (): Promise<{ readonly result: Result } | undefined> => {
    const item = await items.next()
    return item.done === true ? undefined : { result: await work(item.value) }
  }
  for (let next = pull(); ; ) {
    const pulled = await next
    if (pulled === undefined) return
    next = pull()
    // Nobody waits for it when the consumer fails.
    next.catch(() => undefined)
    yield pulled.result
  }
}

/** Files that are not known to be on the server and should be. */
export async function countLeft(request: PlanRequest): Promise<number> {
  let left = 0
  for await (const families of readPages(request)) {
    const { units } = planUploads(families, new Map(), request.options)
    left += units.reduce((sum, { files }) => sum + files.length, 0)
  }
  return left
}

/** The next page is read while the consumer is busy with this one. */
async function* readPages({
  backend,
  serverId,
  exportName,
}: PlanRequest): AsyncGenerator<readonly UploadFamily[]> {
  const named = exportName === undefined ? {} : { exportName }
  const read = (after: number, limit: number): Promise<readonly UploadFamily[]> =>
    callLibrary(backend, 'upload.page', { serverId, after, limit, ...named })
  let limit = FIRST_PAGE_ITEMS
  for (let next = read(0, limit); ; ) {
    const families = await next
    const last = families.at(-1)?.assets[0]?.id
    if (last === undefined) return
    const isLast = families.length < limit
    if (!isLast) {
      limit = Math.min(2 * limit, PAGE_ITEMS)
      next = read(last, limit)
      // Nobody waits for it when the consumer fails.
      next.catch(() => undefined)
    }
    yield families
    if (isLast) return
  }
}

function toPage(
  families: readonly UploadFamily[],
  verdicts: ReadonlyMap<number, AssetVerdict>,
  options: UploadPlanOptions,
): PlannedPage {
  const plan = planUploads(families, verdicts, options)
  const elsewhere = new Set([
    ...plan.units.flatMap(({ files }) => files.map(({ assetId }) => assetId)),
    ...plan.skipped.map(({ assetId }) => assetId),
    ...plan.settled.filter(({ state }) => state !== 'present').map(({ assetId }) => assetId),
  ])
  const present = families.flatMap(({ assets }) => assets).filter(({ id }) => !elsewhere.has(id))
  const presentBytes = present.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { plan, present: present.length, presentBytes, presentIds: present.map(({ id }) => id) }
}
