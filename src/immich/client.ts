/**
 * The client of an Immich server, versions 2.5 to 3: one method an endpoint, written by hand.
 *
 * @module
 */

import type { ImmichApi } from './api.ts'
import { accountMethods } from './client-account.ts'
import { albumMethods, stackMethods } from './client-albums.ts'
import { assetMethods } from './client-assets.ts'
import { type ClientContext, get, type Methods } from './client-context.ts'
import { connect, type ImmichClientOptions } from './connection.ts'

export type { ImmichClientOptions } from './connection.ts'

export function createImmichClient(options: ImmichClientOptions): ImmichApi {
  const { context, version, close } = connect(options)
  return Object.freeze({
    address: context.base,
    version,
    ...serverMethods(context),
    ...assetMethods(context),
    ...albumMethods(context),
    ...stackMethods(context),
    close,
  })
}

function serverMethods(context: ClientContext): Methods<'me' | 'permissions' | 'supportedExtensions'> {
  return {
    ...accountMethods(context),
    supportedExtensions: async (signal) => {
      const call = get(
        'asking for the supported types',
        '/server/media-types',
        (answers) => answers.mediaTypesAnswer,
        signal,
      )
      const { image, video } = await context.calls.call(call)
      return new Set([...image, ...video].map((extension) => extension.toLowerCase()))
    },
  }
}
