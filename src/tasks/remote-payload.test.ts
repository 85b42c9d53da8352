import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HeirloomError } from '../errors.ts'
import { REMOTE_PROTOCOL } from '../queue/remote.ts'
import type { ItemPayload, ItemResult } from './item.ts'
import { isInside, mappedPaths } from './remote-paths.ts'
import { type HostLimits, toHostedTask } from './remote-payload.ts'
import { itemPaths, tellHashed, tellItemResult, thumbnailPaths } from './remote-payload-paths.ts'
import type { ThumbnailPayload } from './thumbnail-task.ts'

const ROOTS = [
  { there: '/data', here: '/mnt/a', isMount: false },
  { there: '/takeout', here: '/mnt/b', isMount: true },
]

const LIMITS: HostLimits = {
  paths: mappedPaths(ROOTS),
  roots: ROOTS,
  buckets: [{ bucket: 'amazon' }, { bucket: 'photos', endpoint: 'https://S3.example.org:443/' }],
  scratch: '/tmp/scratch',
}

const SHA1 = 'a'.repeat(40)

/** With every field that there is. */
const ITEM: ItemPayload = {
  placement: {
    exportId: 1,
    exportName: '/data',
    exportFolder: 'x',
    account: 'anna',
    platform: { name: 'Google Photos', folder: 'google', stem: 'gphotos' },
  },
  options: { tempFolder: '/data/library/.heirloom/tmp', metadata: 'embed', zone: 'Europe/Berlin' },
  facts: [
    {
      taken: [
        { source: 'export', detail: 'photoTakenTime', at: 5, precision: 'second' },
        {
          source: 'file-name',
          detail: 'x',
          local: '2020-01-01T00:00:00',
          offsetMinutes: -60,
          precision: 'day',
        },
      ],
      isUndated: true,
      position: { latitude: 1.5, longitude: -2, altitudeM: 3 },
      caption: 'see /data/x and /mnt/a',
      people: ['Ann'],
      keywords: ['a|b'],
      rating: 5,
      albums: ['trip'],
      title: 'a.jpg',
      favourite: true,
      archived: false,
      trashed: false,
      shared: true,
    },
  ],
  albumTitles: { trip: 'Trip' },
  parts: [
    {
      role: 'primary',
      copies: [
        {
          fileId: 7,
          path: 'a.jpg',
          sizeBytes: 100,
          source: { kind: 'file', file: '/takeout/one/a.jpg' },
          facts: 0,
          sha1: SHA1,
          spooled: true,
          xmp: {
            path: 'a.xmp',
            sizeBytes: 9,
            source: { kind: 'stream', file: '/takeout/x.tgz', ordinal: 4 },
            spooled: false,
          },
        },
        {
          fileId: 8,
          path: 'b.jpg',
          sizeBytes: 100,
          source: {
            kind: 'zip',
            file: '/takeout/one.zip',
            headerOffset: 0,
            compressedSize: 9,
            method: 8,
            crc32: 0xffff_ffff,
          },
          facts: 0,
        },
      ],
    },
  ],
}

const THUMBNAIL: ThumbnailPayload = {
  source: { kind: 'file', path: '/data/library/a.jpg' },
  sha1: SHA1,
  fileName: 'a.jpg',
  options: { sizes: [1440, 250], format: 'jpeg', quality: 85, mozjpeg: false },
  maxPixels: 3e8,
  store: { kind: 'local', root: '/data/library/.heirloom/thumbs', durable: false },
  tempFolder: '/data/library/.heirloom/tmp',
}

function host(kind: string, payload: unknown, more: object = {}): ReturnType<typeof toHostedTask> {
  const envelope = { origin: 'library/run', taskId: 12, attempt: 3, payload, ...more }
  // As it comes out of Redis.
  return toHostedTask(kind, JSON.parse(JSON.stringify(envelope)), LIMITS)
}

const refusal = (code: string) => (error: unknown) => error instanceof HeirloomError && error.code === code

describe('toHostedTask', () => {
  test('an item gets the paths of this host, and nothing else of it is changed', () => {
    const { payload, taskId, attempt, origin, scratch } = host('item', ITEM)
    assert.deepEqual(
      { taskId, attempt, origin, scratch },
      {
        taskId: 12,
        attempt: 3,
        origin: 'library/run',
        scratch: '/tmp/scratch',
      },
    )
    const text = JSON.stringify(ITEM)
      .replace('"/data/library/.heirloom/tmp"', '"/mnt/a/library/.heirloom/tmp"')
      .replaceAll('"file":"/takeout/', '"file":"/mnt/b/')
    assert.deepEqual(payload, JSON.parse(text))
    assert.deepEqual(itemPaths(payload as ItemPayload), {
      files: ['/mnt/b/one/a.jpg', '/mnt/b/x.tgz', '/mnt/b/one.zip'],
      folders: ['/mnt/a/library/.heirloom/tmp'],
    })
  })

  test('a thumbnail gets the paths of this host, and a temporary folder of its process in place of the library’s', () => {
    const { payload } = host('thumbnail', THUMBNAIL)
    const { tempFolder: _tempFolder, ...rest } = THUMBNAIL
    assert.deepEqual(payload, {
      ...rest,
      source: { kind: 'file', path: '/mnt/a/library/a.jpg' },
      store: { kind: 'local', root: '/mnt/a/library/.heirloom/thumbs', durable: false },
    })
    assert.deepEqual(thumbnailPaths(payload as ThumbnailPayload), {
      files: ['/mnt/a/library/a.jpg'],
      folders: ['/mnt/a/library/.heirloom/thumbs'],
    })
  })

  test('a thumbnail whose picture and store are in allowed buckets needs no mapped folder at all', () => {
    const amazon = { kind: 's3', bucket: 'amazon', prefix: 'x', region: 'eu-central-1' } as const
    const photos = { kind: 's3', bucket: 'photos', prefix: '', endpoint: 'https://s3.example.org' } as const
    const payload = {
      ...THUMBNAIL,
      source: { kind: 'object', store: photos, name: 'a/b.jpg' },
      store: amazon,
    }
    const limits = { ...LIMITS, paths: mappedPaths([]), roots: [] }
    const hosted = toHostedTask('thumbnail', { origin: 'o', taskId: 1, attempt: 1, payload }, limits)
    const { tempFolder: _tempFolder, ...rest } = payload
    assert.deepEqual(hosted.payload, rest)
  })

  const buckets: { rule: string; store: object; code?: string }[] = [
    { rule: 'another bucket', store: { bucket: 'secrets', prefix: '' } },
    { rule: 'another server', store: { bucket: 'photos', prefix: '', endpoint: 'https://evil.example.org' } },
    {
      rule: 'another port',
      store: { bucket: 'photos', prefix: '', endpoint: 'https://s3.example.org:8443' },
    },
    { rule: 'without TLS', store: { bucket: 'photos', prefix: '', endpoint: 'http://s3.example.org' } },
    { rule: 'the same name at Amazon', store: { bucket: 'photos', prefix: '' } },
    {
      rule: 'a machine’s own services',
      store: { bucket: 'photos', prefix: '', endpoint: 'http://169.254.169.254' },
    },
    {
      rule: 'a user in the address',
      store: { bucket: 'photos', prefix: '', endpoint: 'https://u:p@s3.example.org' },
      code: 'remote/invalid-payload',
    },
    {
      rule: 'a region that is a host',
      store: { bucket: 'amazon', prefix: '', region: 'x.evil.example/' },
      code: 'remote/invalid-payload',
    },
    {
      rule: 'a prefix that leads out',
      store: { bucket: 'amazon', prefix: '../x' },
      code: 'remote/invalid-payload',
    },
  ]
  for (const { rule, store, code = 'remote/bucket-not-allowed' } of buckets) {
    test(`refuses a bucket: ${rule}`, () => {
      const bucket = { kind: 's3', ...store }
      assert.throws(() => host('thumbnail', { ...THUMBNAIL, store: bucket }), refusal(code))
      const source = { kind: 'object', store: bucket, name: 'a.jpg' }
      assert.throws(() => host('thumbnail', { ...THUMBNAIL, source }), refusal(code))
    })
  }

  test('what another host may be able to run is not refused for good', () => {
    const store = { kind: 's3', bucket: 'secrets', prefix: '' }
    for (const payload of [
      { ...THUMBNAIL, store },
      { ...THUMBNAIL, source: { kind: 'file', path: '/elsewhere/a.jpg' } },
    ]) {
      assert.throws(
        () => host('thumbnail', payload),
        (error) => error instanceof HeirloomError && error.recovery === 'retry' && error.hint !== undefined,
      )
    }
  })

  test('a task of another version is left to others', () => {
    assert.throws(
      () => host('item', { made: 'up' }, { version: REMOTE_PROTOCOL + 1 }),
      (error) =>
        error instanceof HeirloomError &&
        error.code === 'remote/version' &&
        error.recovery === 'retry' &&
        error.message ===
          `coordinator speaks version ${REMOTE_PROTOCOL + 1} of the protocol, this worker host 1`,
    )
  })

  for (const kind of ['export', '', 'constructor', '__proto__', 'toString', 'x'.repeat(5_000)]) {
    test(`refuses the kind ${kind.slice(0, 20)}`, () => {
      assert.throws(
        () => host(kind, ITEM),
        (error) => refusal('remote/unknown-kind')(error) && (error as Error).message.length < 300,
      )
    })
  }

  const envelopes: { rule: string; envelope: unknown }[] = [
    { rule: 'nothing', envelope: null },
    { rule: 'a list', envelope: [] },
    { rule: 'no origin', envelope: { taskId: 1, attempt: 1, payload: ITEM } },
    {
      rule: 'a task that is no number',
      envelope: { origin: 'o', taskId: '../x', attempt: 1, payload: ITEM },
    },
    { rule: 'a task below zero', envelope: { origin: 'o', taskId: -1, attempt: 1, payload: ITEM } },
    { rule: 'a part of an attempt', envelope: { origin: 'o', taskId: 1, attempt: 1.5, payload: ITEM } },
    {
      rule: 'an attempt that names cannot carry',
      envelope: { origin: 'o', taskId: 1, attempt: 2 ** 21, payload: ITEM },
    },
  ]
  for (const { rule, envelope } of envelopes) {
    test(`refuses an envelope with ${rule}`, () => {
      assert.throws(() => toHostedTask('item', envelope, LIMITS), refusal('remote/invalid-payload'))
    })
  }

  const payloads: { rule: string; kind: 'item' | 'thumbnail'; payload: unknown }[] = [
    { rule: 'nothing', kind: 'item', payload: undefined },
    { rule: 'a field that nobody knows', kind: 'thumbnail', payload: { ...THUMBNAIL, command: 'rm' } },
    {
      rule: 'a temporary folder that is not a library’s',
      kind: 'item',
      payload: { ...ITEM, options: { ...ITEM.options, tempFolder: '/data/photos' } },
    },
    { rule: 'facts that are not there', kind: 'item', payload: { ...ITEM, facts: [] } },
    { rule: 'a hash that is a path', kind: 'thumbnail', payload: { ...THUMBNAIL, sha1: '../../../../x' } },
    {
      rule: 'a size of a wall',
      kind: 'thumbnail',
      payload: { ...THUMBNAIL, options: { ...THUMBNAIL.options, sizes: [1e9] } },
    },
    {
      rule: 'a name that leads out of its store',
      kind: 'thumbnail',
      payload: {
        ...THUMBNAIL,
        source: { kind: 'object', store: THUMBNAIL.store, name: '../../etc/passwd' },
      },
    },
    {
      rule: 'a million values',
      kind: 'item',
      payload: { ...ITEM, facts: Array.from({ length: 1e6 }, () => 0) },
    },
    {
      rule: 'too much text',
      kind: 'thumbnail',
      payload: { ...THUMBNAIL, fileName: 'x'.repeat(40 * 1024 * 1024) },
    },
  ]
  for (const { rule, kind, payload } of payloads) {
    test(`refuses a payload with ${rule}`, () => {
      const envelope = { origin: 'o', taskId: 1, attempt: 1, payload }
      assert.throws(() => toHostedTask(kind, envelope, LIMITS), refusal('remote/invalid-payload'))
    })
  }

  test('refuses what is nested deeper than any stack', () => {
    const depth = 200_000
    const envelope = JSON.parse(
      `{"origin":"o","taskId":1,"attempt":1,"payload":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    )
    assert.throws(() => toHostedTask('item', envelope, LIMITS), refusal('remote/invalid-payload'))
  })
})

// # Properties

/** All places in a value, as ways of keys. */
function waysIn(value: unknown, way: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [way]
  return [way, ...Object.entries(value).flatMap(([key, child]) => waysIn(child, [...way, key]))]
}

function withValueAt(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to
  const copy = structuredClone(value) as Record<string, unknown>
  copy[key] = withValueAt(copy[key], rest, to)
  return copy
}

const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    -1,
    1e308,
    '',
    '/etc/passwd',
    '/data/../etc/passwd',
    '/data/x\0',
    '/data/y',
    'relative',
    '../..',
    [],
    {},
    [[]],
    true,
  ),
  fc.jsonValue(),
)

for (const [kind, valid] of [
  ['item', ITEM],
  ['thumbnail', THUMBNAIL],
] as const) {
  test(`whatever is done to a ${kind}, it is refused by name, or touches nothing outside of the mapped folders`, () => {
    const ways = waysIn(valid)
    fc.assert(
      fc.property(fc.constantFrom(...ways), hostile, (way, value) => {
        const payload = withValueAt(valid, way, value)
        let hosted: ReturnType<typeof toHostedTask>
        try {
          hosted = toHostedTask(kind, { origin: 'o', taskId: 1, attempt: 1, payload }, LIMITS)
        } catch (error) {
          assert.ok(error instanceof HeirloomError, String(error))
          assert.match(error.code, /^remote\//u)
          assert.ok(error.message.length < 1_000)
          return
        }
        const paths =
          kind === 'item'
            ? itemPaths(hosted.payload as ItemPayload)
            : thumbnailPaths(hosted.payload as ThumbnailPayload)
        for (const path of [...paths.files, ...paths.folders])
          assert.ok(
            ROOTS.some(({ here }) => isInside(path, here)),
            path,
          )
      }),
      { numRuns: 500 },
    )
  })
}

describe('the way back', () => {
  const paths = mappedPaths(ROOTS)

  test('messages tell the coordinator’s paths, and what people wrote stays as it is', () => {
    const placed = {
      temp: '1-2-0.part',
      sourceSha1: SHA1,
      writtenSha1: SHA1,
      sourceSizeBytes: 1,
      sizeBytes: 1,
      format: 'jpeg',
      mime: 'image/jpeg',
      extension: 'jpg',
      caption: '/mnt/a/caption',
      people: ['/mnt/a'],
      albums: [],
      originalName: 'mnt/a',
      favourite: false,
      archived: false,
      trashed: false,
      shared: false,
      problems: [{ code: 'x', message: "open '/mnt/b/one/a.xmp'" }],
    }
    const error = {
      code: 'x/y',
      message: '/mnt/b/one.zip: broken',
      hint: 'look at /mnt/a',
      recovery: 'discard',
    } as const
    const result: ItemResult = {
      parts: [
        {
          role: 'primary',
          copies: [
            { path: '/mnt/a', outcome: 'same' },
            { path: 'b', outcome: 'failed', error },
          ],
          placed,
        },
      ],
    }
    assert.deepEqual(tellItemResult(result, paths), {
      parts: [
        {
          role: 'primary',
          copies: [
            { path: '/mnt/a', outcome: 'same' },
            {
              path: 'b',
              outcome: 'failed',
              error: { ...error, message: '/takeout/one.zip: broken', hint: 'look at /data' },
            },
          ],
          placed: { ...placed, problems: [{ code: 'x', message: "open '/takeout/one/a.xmp'" }] },
        },
      ],
    })
  })

  test('a file is told under the name that the coordinator knows it by', () => {
    const file = { path: '/mnt/a/x.jpg', sizeBytes: 5, modifiedAt: 7 }
    assert.deepEqual(tellHashed({ type: 'hashed', file, sha1: SHA1 }, paths), {
      type: 'hashed',
      file: { ...file, path: '/data/x.jpg' },
      sha1: SHA1,
    })
  })
})
