/**
 * `/tags`.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { INTERNAL_ERROR, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeTag } from './fake-state.ts'
import { ID, jsonRoute, plainRoute, type Route } from './route.ts'
import { tagShape } from './shapes.ts'

/** Two SQL parameters a pair: measured, 40,000 pairs are answered with 500. */
const MAX_PAIRS = 32_767

const TAGS = z.object({ tags: z.array(z.string()) })
const PAIRS = z.object({ tagIds: z.array(ID), assetIds: z.array(ID) })

export const TAG_ROUTES: readonly Route[] = [
  plainRoute('GET /tags', { permission: 'tag.read' }, ({ state, user }) =>
    ok([...state.tags.values()].filter((tag) => tag.userId === user.id).map(tagShape)),
  ),
  jsonRoute('PUT /tags', { permission: 'tag.create', body: TAGS }, (call, { tags }) =>
    ok([...new Set(tags)].map((value) => tagShape(upsert(call, value)))),
  ),
  jsonRoute('PUT /tags/assets', { permission: 'tag.asset', body: PAIRS }, (call, { tagIds, assetIds }) => {
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
      count += asset.tagIds.size - before
      state.counters.sidecarWriteJobs += 1
    }
    return ok({ count })
  }),
]

/** Answers the leaf; its parents are made. */
function upsert(call: Call, value: string): FakeTag {
  const { state, user } = call
  const known = [...state.tags.values()].find((tag) => tag.userId === user.id && tag.value === value)
  if (known !== undefined) return known
  const slash = value.lastIndexOf('/')
  const parentId = slash === -1 ? undefined : upsert(call, value.slice(0, slash)).id
  const tag = { id: randomUUID(), userId: user.id, value, parentId, createdAt: new Date().toISOString() }
  state.tags.set(tag.id, tag)
  return tag
}
