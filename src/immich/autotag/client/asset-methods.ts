/**
 * What is said of assets: their dates, favourites and ratings. Many at a time, all to the same.
 *
 * @module
 */

import { pluralize } from '../../../units.ts'
import { type AutotagMethods, change } from './api-call.ts'
import type { AutotagContext } from './bulk-chunks.ts'

export function assetWrites(context: AutotagContext): AutotagMethods<'setDate' | 'setAssets'> {
  const changeAll = async (
    verb: string,
    ids: readonly string[],
    fields: object,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    if (ids.length === 0) return
    await change<void>(context, {
      name: `${verb} of ${pluralize(ids.length, 'asset')}`,
      route: 'PUT /assets',
      permission: 'asset.update',
      callClass: 'asset',
      body: { ids, ...fields },
      units: ids.length,
      bulk: 'asset',
      signal,
    })
  }
  return {
    setDate: async (assetIds, { dateTimeOriginal, timeZone }, signal) =>
      await changeAll(
        'setting the date',
        assetIds,
        { dateTimeOriginal, timeZone: timeZone ?? undefined },
        signal,
      ),
    setAssets: async (assetIds, { isFavourite, rating }, signal) =>
      await changeAll('changing the words', assetIds, { isFavorite: isFavourite, rating }, signal),
  }
}
