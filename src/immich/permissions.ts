/**
 * Which permissions of an API key each feature needs, so that a missing one is named before anything is sent.
 *
 * Source: `x-immich-permission` of the routes in the OpenAPI description of Immich 3.1.0; the names are those of 2.5.
 *
 * @module
 */

export type Feature =
  | 'upload'
  | 'albums'
  | 'stacks'
  | 'metadata'
  | 'verify'
  | 'autotag-read'
  | 'autotag-duplicates'
  | 'autotag-tags'
  | 'autotag-albums'
  | 'autotag-dates'
  | 'autotag-sharing'

/** In the words of the web page where keys are made. */
export const FEATURE_PERMISSIONS: Readonly<Record<Feature, readonly string[]>> = Object.freeze({
  /** POST /assets, POST /assets/bulk-upload-check */
  upload: ['asset.upload'],
  /** GET /albums, POST /albums, PUT /albums/{id}/assets */
  albums: ['album.read', 'album.create', 'albumAsset.create'],
  /** GET /assets/{id}, GET /stacks/{id}, POST /stacks */
  stacks: ['asset.read', 'stack.read', 'stack.create'],
  /** PUT /assets */
  metadata: ['asset.update'],
  /** POST /search/metadata */
  verify: ['asset.read'],
  /** POST /search/metadata, GET /albums, GET /tags */
  'autotag-read': ['asset.read', 'album.read', 'tag.read'],
  /** GET /duplicates */
  'autotag-duplicates': ['duplicate.read'],
  /** PUT /tags, PUT /tags/assets, DELETE /tags/{id}/assets */
  'autotag-tags': ['tag.create', 'tag.asset'],
  /** POST /albums, DELETE /albums/{id}, PUT and DELETE /albums/{id}/assets */
  'autotag-albums': ['album.create', 'album.delete', 'albumAsset.create', 'albumAsset.delete'],
  /** PUT /assets: dates, favourites and ratings */
  'autotag-dates': ['asset.update'],
  /** GET /users, PUT /albums/{id}/users, PUT and DELETE /albums/{id}/user/{userId} */
  'autotag-sharing': ['user.read', 'albumUser.create', 'albumUser.update', 'albumUser.delete'],
})

/** Without what is there, each once, sorted. A key with `all` lacks nothing. */
export function missingPermissions(have: readonly string[], features: readonly Feature[]): readonly string[] {
  if (have.includes('all')) return []
  const needed = new Set(features.flatMap((feature) => FEATURE_PERMISSIONS[feature]))
  return [...needed].filter((permission) => !have.includes(permission)).toSorted()
}
