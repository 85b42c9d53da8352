/**
 * `/tags`.
 *
 * @module
 */

import { z } from 'zod'
import { INTERNAL_ERROR, NO_CONTENT, noAccess, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAsset, FakeTag } from './fake-state.ts'
import { taggingMs } from './load.ts'
import { ID, IDS, jsonRoute, plainRoute, type Route } from './route.ts'
import { tagShape } from './shapes.ts'

/** Two SQL parameters a pair: measured, 40,000 pairs are answered with 500. */
const MAX_PAIRS = 32_767

const TAGS = z.object({ tags: z.array(z.string()) })
const PAIRS = z.object({ tagIds: z.array(ID), assetIds: z.array(ID) })

interface IdOutcome {
  readonly id: string
  readonly success: boolean
  readonly error?: 'duplicate' | 'no_permission' | 'not_found'
}

/** 12 to 27 ms an asset were measured, whatever the tags; assets that have them all cost next to nothing (read). */
const MANY_TAGS = {
  permission: 'tag.asset',
  body: PAIRS,
  workMs: (call: Call, { tagIds, assetIds }: z.infer<typeof PAIRS>) =>
    workMs(call, assetIds, (asset) => tagIds.some((id) => !asset.tagIds.has(id))),
}

const ONE_TAG = {
  permission: 'tag.asset',
  body: IDS,
  workMs: (call: Call, { ids }: z.infer<typeof IDS>) => workMs(call, ids, () => true),
}

function workMs(call: Call, ids: readonly string[], changes: (asset: FakeAsset) => boolean): number {
  const assets = ids.map((id) => call.state.assets.get(id)).filter((asset) => asset !== undefined)
  return taggingMs(call.parts.pool.load, assets.filter(changes).length, call.parts.random)
}

export const TAG_ROUTES: readonly Route[] = [
  plainRoute('GET /tags', { permission: 'tag.read' }, ({ state, user }) =>
    ok([...state.tags.values()].filter((tag) => tag.userId === user.id).map(tagShape)),
  ),
  jsonRoute('PUT /tags', { permission: 'tag.create', body: TAGS }, (call, { tags }) =>
    ok([...new Set(tags)].map((value) => tagShape(call.state.addTag(call.user.id, value)))),
  ),
  jsonRoute('PUT /tags/assets', MANY_TAGS, (call, { tagIds, assetIds }) => {
    if (tagIds.length * assetIds.length > MAX_PAIRS) {
      call.violate('too-many-pairs', `${tagIds.length} x ${assetIds.length}`)
      throw INTERNAL_ERROR
    }
    const { state, user } = call
    const own = tagIds.filter((id) => state.tags.get(id)?.userId === user.id)
    let count = 0
    for (const asset of assetIds.map((id) => state.assets.get(id))) {
      if (asset?.ownerId !== user.id) continue
      const before = asset.tagIds.size
      for (const id of own) asset.tagIds.add(id)
      if (asset.tagIds.size === before) continue
      count += asset.tagIds.size - before
      state.queueMetadataJob(asset)
    }
    return ok({ count })
  }),
  jsonRoute('PUT /tags/:id/assets', ONE_TAG, (call, { ids }) => {
    const { id: tagId } = ownTag(call)
    const tagged = ids.map((id): IdOutcome => {
      const asset = call.state.assets.get(id)
      if (asset?.tagIds.has(tagId) === true) return { id, success: false, error: 'duplicate' }
      if (asset?.ownerId !== call.user.id) return { id, success: false, error: 'no_permission' }
      asset.tagIds.add(tagId)
      call.state.queueMetadataJob(asset)
      return { id, success: true }
    })
    return ok(tagged)
  }),
  jsonRoute('DELETE /tags/:id/assets', ONE_TAG, (call, { ids }) => {
    const { id: tagId } = ownTag(call)
    const untagged = ids.map((id): IdOutcome => {
      const asset = call.state.assets.get(id)
      // A child of the tag does not count here, as it does in a search.
      if (asset?.tagIds.delete(tagId) !== true) return { id, success: false, error: 'not_found' }
      call.state.queueMetadataJob(asset)
      return { id, success: true }
    })
    return ok(untagged)
  }),
  plainRoute('DELETE /tags/:id', { permission: 'tag.delete' }, (call) => {
    const { id } = ownTag(call, 'tag.delete')
    const family = call.state.tagFamily(id)
    for (const tagId of family) call.state.tags.delete(tagId)
    for (const asset of call.state.assets.values()) for (const tagId of family) asset.tagIds.delete(tagId)
    return NO_CONTENT
  }),
]

/** Of the path. */
function ownTag(call: Call, permission = 'tag.asset'): FakeTag {
  const tag = call.state.tags.get(call.param('id'))
  if (tag?.userId !== call.user.id) {
    call.violate('unknown-id', call.param('id'))
    throw noAccess(permission)
  }
  return tag
}
