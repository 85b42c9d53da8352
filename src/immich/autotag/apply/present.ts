/**
 * What is on the server now, of what a plan touches: read in few calls just before it is applied.
 *
 * The list of albums says which of them have changed since the plan was made, and only those are read. What has changed of
 * assets comes by `updatedAfter`. Tags have no such sign on every version, so those that steps touch are read again when
 * the plan is not fresh.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import type { AutotagApi, FoundAsset } from '../autotag-api.ts'
import type { Plan, Step } from '../plan.ts'
import type { SnapshotAlbum } from '../snapshot.ts'

/** Where assets are looked for; locked ones are in no album and closed to keys. */
export const VISIBILITIES: readonly Visibility[] = ['timeline', 'archive', 'hidden']

export interface Present {
  readonly albums: ReadonlyMap<string, SnapshotAlbum>
  /** Assets of albums that have changed since the plan was made. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>
  /** Assets that have changed since the plan was made. */
  readonly changed: ReadonlyMap<string, FoundAsset>
  /** By path. */
  readonly tagIds: ReadonlyMap<string, string>
  /** Assets of tags, by path: of those that were read again. */
  readonly tagged: ReadonlyMap<string, ReadonlySet<string>>
  /** Paths of the tags of single assets that were read again, without their parents. */
  readonly assetTags: ReadonlyMap<string, readonly string[]>
}

/** A plan of this age may have been overtaken by somebody's tagging. */
const FRESH_MS = 120_000

/** Reading tags asset by asset is worth it for so many assets. */
const SINGLE_ASSETS = 10

export async function readPresent(
  api: AutotagApi,
  plan: Plan,
  options: { readonly nowMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Present> {
  const { signal } = options
  const { steps } = plan
  const hasAlbums = steps.some(({ op }) => op.startsWith('album') || op.startsWith('share'))
  const hasTags = steps.some(({ op }) => op.startsWith('tag'))
  const hasAssets = steps.some((step) => 'assetIds' in step)
  const [albums, tags, changed] = await Promise.all([
    hasAlbums ? api.albums(signal) : [],
    hasTags ? api.tags(signal) : [],
    hasAssets ? readChanged(api, plan, signal) : new Map<string, FoundAsset>(),
  ])
  const albumsById = new Map(albums.map((album) => [album.id, album]))
  const tagIds = new Map(tags.map(({ id, value }) => [value, id]))
  const isFresh = options.nowMs - Date.parse(plan.madeAt) <= FRESH_MS
  const suspects = isFresh ? touchedOf(steps, changed) : undefined
  const [members, tagState] = await Promise.all([
    readChangedAlbums(api, plan, albumsById, signal),
    readTags(api, steps, { tagIds, suspects, signal }),
  ])
  return { albums: albumsById, members, changed, tagIds, ...tagState }
}

async function readChanged(
  api: AutotagApi,
  { snapshot }: Plan,
  signal: AbortSignal | undefined,
): Promise<Map<string, FoundAsset>> {
  const changed = new Map<string, FoundAsset>()
  const query = { visibilities: VISIBILITIES, updatedAfter: snapshot.takenAt }
  for await (const page of api.findAssets(query, signal)) {
    for (const asset of page) changed.set(asset.id, asset)
  }
  return changed
}

async function readChangedAlbums(
  api: AutotagApi,
  { steps, snapshot }: Plan,
  albums: ReadonlyMap<string, SnapshotAlbum>,
  signal: AbortSignal | undefined,
): Promise<Map<string, Set<string>>> {
  const touched = new Set(steps.flatMap((step) => touchedAlbum(step) ?? []))
  const isChanged = (id: string): boolean => {
    const album = albums.get(id)
    return album !== undefined && album.fingerprint !== snapshot.albums[id]
  }
  const reads = [...touched].filter(isChanged).map(async (id) => {
    return [id, new Set(await api.albumAssetIds(id, VISIBILITIES, signal))] as const
  })
  return new Map(await Promise.all(reads))
}

function touchedAlbum(step: Step): string | undefined {
  if (step.op !== 'album.add' && step.op !== 'album.remove') return undefined
  return 'id' in step.album ? step.album.id : undefined
}

/** Changed assets that get or lose a tag. */
function touchedOf(steps: readonly Step[], changed: ReadonlyMap<string, FoundAsset>): ReadonlySet<string> {
  const touched = new Set<string>()
  for (const step of steps) {
    if (step.op !== 'tag.add' && step.op !== 'tag.remove') continue
    for (const id of step.assetIds) if (changed.has(id)) touched.add(id)
  }
  return touched
}

/** `suspects`: assets whose tags may have changed; undefined: any. Reads them or the tags, whichever are fewer. */
async function readTags(
  api: AutotagApi,
  steps: readonly Step[],
  context: {
    readonly tagIds: ReadonlyMap<string, string>
    readonly suspects: ReadonlySet<string> | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<Pick<Present, 'tagged' | 'assetTags'>> {
  const { tagIds, suspects, signal } = context
  const touched = steps.flatMap((step) =>
    step.op === 'tag.add' || step.op === 'tag.remove' ? [step.tag] : [],
  )
  const tags = [...new Set(touched)].filter((tag) => tagIds.has(tag))
  if (suspects !== undefined && suspects.size <= Math.max(SINGLE_ASSETS, tags.length)) {
    const reads = [...suspects].map(async (id) => {
      const own = await api.tagsOfAsset(id, signal)
      return [id, own.map(({ value }) => value)] as const
    })
    return { tagged: new Map(), assetTags: new Map(await Promise.all(reads)) }
  }
  const reads = tags.map(async (tag) => [tag, await readTagged(api, tagIds.get(tag) ?? '', signal)] as const)
  return { tagged: new Map(await Promise.all(reads)), assetTags: new Map() }
}

export async function readTagged(
  api: AutotagApi,
  tagId: string,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const page of api.findIds({ visibilities: VISIBILITIES, tagId }, signal)) {
    for (const id of page) ids.add(id)
  }
  return ids
}
