import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UsageError } from './usage-error.ts'
import { readPlaces, shareWorkers } from './worker-settings.ts'

describe('shareWorkers', () => {
  const cases: readonly [string, number | 'auto', number, Record<string, number>][] = [
    ['item,thumbnail', 'auto', 8, { item: 4, thumbnail: 4 }],
    ['item,thumbnail', 'auto', 5, { item: 3, thumbnail: 2 }],
    ['item,thumbnail', 'auto', 1, { item: 1, thumbnail: 1 }],
    ['thumbnail,item', 3, 8, { thumbnail: 2, item: 1 }],
    ['item', 'auto', 8, { item: 8 }],
    ['item:6,thumbnail', 'auto', 8, { item: 6, thumbnail: 2 }],
    ['item:6,thumbnail', 'auto', 4, { item: 6, thumbnail: 1 }],
    ['item:6,thumbnail:2', 'auto', 2, { item: 6, thumbnail: 2 }],
    ['item:6,thumbnail:2', 8, 2, { item: 6, thumbnail: 2 }],
  ]
  for (const [lanes, workers, cores, numbers] of cases) {
    test(`--lanes ${lanes} --workers ${workers} on ${cores} cores is ${JSON.stringify(numbers)}`, () => {
      assert.deepEqual(shareWorkers({ lanes, workers, cores }), numbers)
    })
  }

  for (const [lanes, workers] of [
    ['item,thumbnail', 1],
    ['item:6,thumbnail:2', 4],
    ['item:6,thumbnail', 6],
  ] as const) {
    test(`--workers ${workers} contradicts --lanes ${lanes}`, () => {
      assert.throws(() => shareWorkers({ lanes, workers, cores: 8 }), /does not fit/u)
    })
  }
})

describe('readPlaces', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'heirloom-places-'))
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'file'), '')
  })
  after(() => rmSync(folder, { recursive: true }))
  const problemsOf = async (
    map: string[],
    bucket?: string[],
    env: Record<string, string> = {},
  ): Promise<string[]> => {
    try {
      await readPlaces({ map, bucket }, { env })
      return []
    } catch (error) {
      assert.ok(error instanceof UsageError)
      return [...error.problems, error.hint ?? '']
    }
  }

  test('answers folders and buckets', async () => {
    const map = [`/mnt/a=${join(folder, 'data')}`, join(folder, 'data')]
    const bucket = ['photos', 'https://minio.local/more']
    const maps = [
      { there: '/mnt/a', here: join(folder, 'data') },
      { there: join(folder, 'data'), here: join(folder, 'data') },
    ]
    assert.deepEqual(await readPlaces({ map, bucket }, { env: {} }), {
      maps,
      buckets: [{ bucket: 'photos' }, { bucket: 'more', endpoint: 'https://minio.local' }],
    })
  })

  test('takes the endpoint of buckets from where the coordinator has it, too', async () => {
    const { buckets } = await readPlaces(
      { map: undefined, bucket: ['photos', 'http://127.0.0.1:1/photos'] },
      { env: { S3_ENDPOINT: 's3.example.org' } },
    )
    assert.deepEqual(buckets, [
      { bucket: 'photos', endpoint: 'https://s3.example.org' },
      { bucket: 'photos', endpoint: 'http://127.0.0.1:1' },
    ])
  })

  test('shows how to say it when nothing is said', async () => {
    assert.match((await problemsOf([])).join('\n'), /no folder and no bucket\n.*--map \/mnt\/photos=\/data/u)
  })

  test('says all that is wrong with the folders', async () => {
    const problems = await problemsOf(['/x/nowhere', `/a=${join(folder, 'file')}`, '/b=/', `/a=${folder}`])
    assert.deepEqual(problems.slice(0, 4), [
      '--map: there is no folder /x/nowhere here',
      `--map: ${join(folder, 'file')} is not a folder`,
      '--map: / is all of this machine, which is too much',
      '--map: /a is there twice',
    ])
  })

  test('refuses an endpoint that is none', async () => {
    assert.match((await problemsOf([], ['photos'], { S3_ENDPOINT: 'ftp://x' })).join(), /^S3_ENDPOINT/u)
  })
})
