/**
 * Tags: which there are, making them, giving and taking them.
 *
 * @module
 */

import { pluralize } from '../../../units.ts'
import { chunksOf } from '../../client-context.ts'
import { UnexpectedAnswerError } from '../../immich-errors.ts'
import type { ServerTag } from '../autotag-api.ts'
import { countAnswer, outcomesAnswer, type TagAnswer, tagsAnswer } from './answers.ts'
import { type AutotagMethods, ask, change, createDoubt, part } from './api-call.ts'
import type { AutotagContext } from './bulk-chunks.ts'
import { removalOutcome } from './id-outcomes.ts'

/** Two SQL parameters a pair, of 65,535: one pair more is a 500 (measured on 3.1.0). */
export const MAX_TAG_PAIRS = 32_767

export function tagMethods(
  context: AutotagContext,
): AutotagMethods<'tags' | 'createTags' | 'tagAssets' | 'untagAssets'> {
  return {
    tags: async (signal) => {
      const tags = await ask(context, {
        name: 'listing tags',
        route: 'GET /tags',
        permission: 'tag.read',
        callClass: 'read',
        schema: () => tagsAnswer,
        signal,
      })
      return tags.map(serverTag)
    },
    createTags: async (values, signal) => {
      if (values.length === 0) return []
      const name = `making ${pluralize(values.length, 'tag')}`
      const tags = await change(context, {
        name,
        route: 'PUT /tags',
        permission: 'tag.create',
        callClass: 'tag',
        body: { tags: values },
        units: values.length,
        schema: () => tagsAnswer,
        signal,
      })
      const byValue = new Map(tags.map((tag) => [tag.value, serverTag(tag)]))
      return values.map((value) => {
        const tag = byValue.get(value)
        if (tag === undefined)
          throw new UnexpectedAnswerError(name, `the tag ${value} is missing in the answer`)
        return tag
      })
    },
    tagAssets: async (tagIds, assetIds, signal) => {
      if (tagIds.length === 0) return 0
      let pairs = 0
      for (const ids of chunksOf(assetIds, Math.max(1, Math.floor(MAX_TAG_PAIRS / tagIds.length)))) {
        const { count } = await change(context, {
          name: `tagging ${pluralize(ids.length, 'asset')}`,
          route: 'PUT /tags/assets',
          permission: 'tag.asset',
          callClass: 'tag',
          body: { tagIds, assetIds: ids },
          units: ids.length,
          bulk: 'tag',
          schema: () => countAnswer,
          signal,
        })
        pairs += count
      }
      return pairs
    },
    untagAssets: async (tagId, assetIds, signal) => {
      if (assetIds.length === 0) return []
      const doubt = createDoubt()
      const outcomes = await change(context, {
        name: `taking a tag from ${pluralize(assetIds.length, 'asset')}`,
        route: `DELETE /tags/${part(tagId)}/assets`,
        permission: 'tag.asset',
        callClass: 'tag',
        body: { ids: assetIds },
        units: assetIds.length,
        bulk: 'untag',
        schema: () => outcomesAnswer,
        beforeRepeat: doubt.beforeRepeat,
        signal,
      })
      return outcomes.map((outcome) => removalOutcome(outcome, doubt.isRepeated()))
    },
  }
}

export function serverTag({ id, value, parentId }: TagAnswer): ServerTag {
  return { id, value, parentId: parentId ?? undefined }
}
