import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FEATURE_PERMISSIONS, type Feature, missingPermissions } from './permissions.ts'

/** The description of the API that upstream publishes, where it lies beside the checkout. */
const OPENAPI = '../shared/data/immich-openapi-3.1.0.json'

/** The routes behind each feature, as the client calls them. */
const ROUTES: Record<Feature, readonly string[]> = {
  upload: ['post /assets', 'post /assets/bulk-upload-check'],
  albums: ['get /albums', 'post /albums', 'put /albums/{id}/assets'],
  stacks: ['get /assets/{id}', 'get /stacks/{id}', 'post /stacks'],
  metadata: ['put /assets'],
  verify: ['post /search/metadata'],
  'autotag-read': ['post /search/metadata', 'get /assets/{id}', 'get /albums', 'get /tags'],
  'autotag-duplicates': ['get /duplicates'],
  'autotag-tags': ['put /tags', 'put /tags/assets', 'delete /tags/{id}/assets'],
  'autotag-albums': [
    'post /albums',
    'delete /albums/{id}',
    'put /albums/{id}/assets',
    'delete /albums/{id}/assets',
  ],
  'autotag-dates': ['put /assets'],
  'autotag-sharing': [
    'get /users',
    'put /albums/{id}/users',
    'put /albums/{id}/user/{userId}',
    'delete /albums/{id}/user/{userId}',
  ],
}

test('a key with all lacks nothing', () => {
  assert.deepEqual(missingPermissions(['all'], ['upload', 'albums', 'stacks', 'metadata', 'verify']), [])
})

test('what is missing is named once, in order', () => {
  assert.deepEqual(
    missingPermissions(['asset.upload', 'album.read'], ['stacks', 'verify', 'albums', 'upload']),
    ['album.create', 'albumAsset.create', 'asset.read', 'stack.create', 'stack.read'],
  )
})

test('the permissions are those of the routes', {
  skip: existsSync(OPENAPI) ? false : 'the OpenAPI description is not here',
}, () => {
  const { paths } = JSON.parse(readFileSync(OPENAPI, 'utf8')) as {
    paths: Record<string, Record<string, { 'x-immich-permission'?: string }>>
  }
  for (const [feature, routes] of Object.entries(ROUTES)) {
    const needed = routes.map((route) => {
      const [method = '', path = ''] = route.split(' ')
      return paths[path]?.[method]?.['x-immich-permission']
    })
    assert.deepEqual(
      [...new Set(needed)].toSorted(),
      FEATURE_PERMISSIONS[feature as Feature].toSorted(),
      feature,
    )
  }
})
