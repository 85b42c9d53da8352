import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  bucketNames,
  folderMaps,
  keyPrefix,
  laneNumbers,
  parseBucket,
  parseLanes,
  parseMap,
  redisAddress,
} from './worker-values.ts'

describe('redisAddress', () => {
  for (const address of [
    'redis://localhost',
    'redis://localhost:6379/0',
    'rediss://user:p%40ss@nas.local:6380',
    'redis://:secret@[::1]:6379/15',
    '/run/redis/redis.sock',
    'unix:///run/redis/redis.sock',
  ]) {
    test(`accepts ${address}`, () => assert.equal(redisAddress(` ${address} `), address))
  }
  for (const address of [
    '',
    'localhost:6379',
    'http://localhost:6379',
    'redis://',
    'redis:///tmp/redis.sock',
    'run/redis.sock',
    '/run/redis.sock?password=secret',
    'redis://localhost/photos',
    'redis://localhost?password=secret',
    'redis://localhost#1',
    'redis://user:%zz@localhost',
    'redis://user:pa/ss@localhost',
    6379,
    true,
  ]) {
    test(`refuses ${String(address)}`, () => assert.equal(redisAddress(address), undefined))
  }
})

test('a prefix is a word', () => {
  for (const prefix of ['heirloom', '{heirloom}', 'anna:photos-2', 'a.b_c'])
    assert.equal(keyPrefix(prefix), prefix)
  for (const prefix of ['', 'a b', 'a*', 'ä', 'x'.repeat(101), 7]) assert.equal(keyPrefix(prefix), undefined)
})

describe('lanes', () => {
  for (const [given, lanes] of [
    ['item', [{ lane: 'item' }]],
    ['thumbnail, item:6', [{ lane: 'thumbnail' }, { lane: 'item', workers: 6 }]],
    [
      ['item:1', 'thumbnail:256'],
      [
        { lane: 'item', workers: 1 },
        { lane: 'thumbnail', workers: 256 },
      ],
    ],
  ] as const) {
    test(`are read from ${String(given)}`, () =>
      assert.deepEqual(parseLanes(laneNumbers(given) ?? ''), lanes))
  }
  for (const given of [
    '',
    ',',
    'items',
    'item:0',
    'item:257',
    'item:-1',
    'item:1.5',
    'item,item:2',
    'item,',
    'upload',
    3,
  ]) {
    test(`are not read from ${String(given)}`, () => assert.equal(laneNumbers(given), undefined))
  }
})

describe('a map', () => {
  const cases: readonly [string, { there: string; here: string } | undefined][] = [
    ['/data', { there: '/data', here: '/data' }],
    ['/data/', { there: '/data', here: '/data' }],
    ['/mnt/a=/data', { there: '/mnt/a', here: '/data' }],
    ['/mnt/../a//b/=/data/.', { there: '/a/b', here: '/data' }],
    ['D:\\Photos=/mnt/photos', { there: 'D:\\Photos', here: '/mnt/photos' }],
    ['/a=b=/c', { there: '/a=b', here: '/c' }],
    ['/a=/b=c', { there: '/a', here: '/b=c' }],
    ['/a=b=/a=b', { there: '/a=b', here: '/a=b' }],
    ['/a=/b=/c', undefined],
    ['/a=b', undefined],
    ['data', undefined],
    ['data=/data', undefined],
    ['/data=data', undefined],
    ['/data=', undefined],
    ['=/data', undefined],
  ]
  for (const [given, map] of cases) {
    const what = map === undefined ? 'nothing' : `${map.there} there and ${map.here} here`
    test(`${given} is ${what}`, { skip: process.platform === 'win32' }, () => {
      assert.deepEqual(parseMap(given), map)
    })
  }

  test('may be one of several, in a list also with a comma in it', () => {
    assert.deepEqual(folderMaps('/a=/b, /c'), ['/a=/b', '/c'])
    assert.deepEqual(folderMaps(['/a,b', '/c']), ['/a,b', '/c'])
    assert.equal(folderMaps('/a,b'), undefined)
    assert.equal(folderMaps([]), undefined)
    assert.equal(folderMaps(['/a', 7]), undefined)
  })
})

describe('a bucket', () => {
  for (const [given, bucket] of [
    ['photos', { bucket: 'photos' }],
    ['https://minio.local:9000/photos', { endpoint: 'https://minio.local:9000', bucket: 'photos' }],
    ['http://127.0.0.1:9000/my.photos', { endpoint: 'http://127.0.0.1:9000', bucket: 'my.photos' }],
    ['https://user:secret@minio.local/photos', undefined],
    ['https://minio.local/path/photos', undefined],
    ['minio.local:9000/photos', undefined],
    ['Photos', undefined],
    ['a..b', undefined],
    ['127.0.0.1', undefined],
    ['https://minio.local/', undefined],
  ] as const) {
    test(`${given} is ${bucket === undefined ? 'none' : 'one'}`, () =>
      assert.deepEqual(parseBucket(given), bucket))
  }

  test('may be one of several', () => {
    assert.deepEqual(bucketNames('photos,https://minio.local/more'), ['photos', 'https://minio.local/more'])
    assert.equal(bucketNames('photos,NO'), undefined)
  })
})
