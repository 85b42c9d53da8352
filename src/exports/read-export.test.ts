import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Archive, ArchiveEntry, ArchiveProblem } from './archive/archive.ts'
import type { ItemList } from './item-list.ts'
import type { MediaItem } from './media-item.ts'
import type { Platform } from './platform.ts'
import { readExport, UnknownPlatformError } from './read-export.ts'

const NOW = Date.UTC(2026, 0, 1)
const OPTIONS = { exportName: 'anna', now: NOW }

function entry(path: string, more: Partial<ArchiveEntry> = {}): ArchiveEntry {
  return { path, sizeBytes: 10, source: { kind: 'file', file: `/in/${path}` }, ...more }
}

function archive(entries: readonly ArchiveEntry[], problems: readonly ArchiveProblem[] = []): Archive {
  return {
    inputs: ['/in'],
    entries,
    problems,
    randomAccess: true,
    readSmall: ({ path }) => Promise.resolve(Buffer.from(path)),
    spool: () => {
      throw new Error('not asked for')
    },
    close: () => Promise.resolve(),
  }
}

function item(primary: ArchiveEntry, more: Partial<MediaItem> = {}): MediaItem {
  return { primary: { entry: primary }, companions: [], taken: [], people: [], albums: [], ...more }
}

function itemsIn(list: ItemList | undefined): MediaItem[] {
  return Array.from({ length: list?.length ?? 0 }, (_, index) => list?.at(index) as MediaItem)
}

/** A platform that claims what lies in its folder (everything for the empty name) and makes an item of each file. */
function platform(name: string, priority: number, folder: string, more: Partial<Platform> = {}): Platform {
  return {
    name,
    folder: 'photos',
    stem: name.toLowerCase(),
    priority,
    claim: ({ entries }) => entries.filter(({ path }) => path.startsWith(folder)),
    read: ({ entries }) =>
      Promise.resolve({ items: entries.map((one) => item(one)), albums: [], nonMedia: [], remarks: [] }),
    ...more,
  }
}

const GOOGLE = platform('Google', 50, 'g/')
const FOLDER = platform('Folder', 0, '')

describe('readExport', () => {
  test('an entry goes to the first platform by priority, whatever their order', async () => {
    const input = archive([entry('x.bin'), entry('g/a.bin')])
    for (const platforms of [
      [GOOGLE, FOLDER],
      [FOLDER, GOOGLE],
    ]) {
      const reading = await readExport(input, platforms, OPTIONS)
      assert.deepEqual(
        reading.platforms.map(({ platform: { name }, items }) => [
          name,
          itemsIn(items).map((one) => one.primary.entry.path),
        ]),
        [
          ['Google', ['g/a.bin']],
          ['Folder', ['x.bin']],
        ],
      )
    }
  })

  test('a platform that claims nothing is not asked to read', async () => {
    const silent = platform('Silent', 90, 'nothing/', {
      read: () => Promise.reject(new Error('was asked')),
    })
    const reading = await readExport(archive([entry('a.bin')]), [silent, FOLDER], OPTIONS)
    assert.deepEqual(
      reading.platforms.map(({ platform: { name } }) => name),
      ['Folder'],
    )
  })

  test('a platform reads through the archive, with the name of the export', async () => {
    let seen = ''
    const reader = platform('Reader', 1, '', {
      read: async ({ exportName, entries, read }) => {
        const [first] = entries
        assert.ok(first)
        seen = `${exportName} ${await read(first)}`
        return { items: [item(first)], albums: [], nonMedia: [], remarks: [] }
      },
    })
    await readExport(archive([entry('a.bin')]), [reader], OPTIONS)
    assert.equal(seen, 'anna a.bin')
  })

  test('with only one platform asked for, the rest is ignored and said to be', async () => {
    const reading = await readExport(archive([entry('x.bin'), entry('g/a.bin')]), [GOOGLE, FOLDER], {
      ...OPTIONS,
      only: 'google',
    })
    assert.equal(reading.platforms.length, 1)
    assert.deepEqual(reading.nonMedia, [
      {
        entry: entry('x.bin'),
        outcome: 'ignored',
        code: 'other-processor',
        reason: 'only google was asked for',
      },
    ])
  })

  test('an unknown platform is refused, with the names of those there are', async () => {
    await assert.rejects(
      readExport(archive([]), [GOOGLE, FOLDER], { ...OPTIONS, only: 'Gogle' }),
      (error) => {
        assert.ok(error instanceof UnknownPlatformError)
        assert.match(error.hint ?? '', /Google, Folder/u)
        return true
      },
    )
  })

  const bugs: { story: string; broken: Platform; message: RegExp }[] = [
    {
      story: 'forgets a file',
      broken: platform('P', 1, '', {
        read: () => Promise.resolve({ items: [], albums: [], nonMedia: [], remarks: [] }),
      }),
      message: /P has no answer for a\.bin/u,
    },
    {
      story: 'answers twice for a file',
      broken: platform('P', 1, '', {
        read: ({ entries }) =>
          Promise.resolve({
            items: entries.map((one) => item(one)),
            albums: [],
            nonMedia: entries.map((one) => ({ entry: one, outcome: 'ignored', reason: 'x' })),
            remarks: [],
          }),
      }),
      message: /P answers twice for a\.bin/u,
    },
    {
      story: 'answers for a file that is not its own',
      broken: platform('P', 1, '', {
        read: () => Promise.resolve({ items: [item(entry('b.bin'))], albums: [], nonMedia: [], remarks: [] }),
      }),
      message: /P answers twice for b\.bin/u,
    },
    {
      story: 'claims a file that is not there',
      broken: platform('P', 1, '', { claim: () => [entry('b.bin')] }),
      message: /P claims b\.bin/u,
    },
  ]
  for (const { story, broken, message } of bugs) {
    test(`a platform that ${story} is a bug`, async () => {
      await assert.rejects(readExport(archive([entry('a.bin')]), [broken], OPTIONS), message)
    })
  }

  test('adds what name, folder and file time say, in this order and after what the platform knows', async () => {
    const known = { source: 'export', detail: 'photoTakenTime', at: 1, precision: 'second' } as const
    const knowing = platform('P', 1, '', {
      read: ({ entries }) =>
        Promise.resolve({
          items: entries.map((one) => item(one, { taken: [known] })),
          albums: [],
          nonMedia: [],
          remarks: [],
        }),
    })
    const modifiedAt = Date.UTC(2020, 1, 1)
    const input = archive([entry('2019/IMG_20190704_223005.jpg', { modifiedAt })])
    const taken = (await readExport(input, [knowing], OPTIONS)).platforms[0]?.items.at(0).taken
    assert.deepEqual(
      taken?.map(({ source, detail }) => [source, detail]),
      [
        ['export', 'photoTakenTime'],
        ['file-name', 'yyyymmdd-hhmmss'],
        ['folder-name', 'yyyy'],
        ['file-time', 'mtime'],
      ],
    )
  })

  test('what the platform says is undated has no date but that of its name', async () => {
    const undated = platform('P', 1, '', {
      read: ({ entries }) =>
        Promise.resolve({
          items: entries.map((one) => item(one, { isUndated: true })),
          albums: [],
          nonMedia: [],
          remarks: [],
        }),
    })
    const modifiedAt = Date.UTC(2024, 0, 1)
    const paths = ['Photos from 1970/a.jpg', 'Photos from 1970/IMG_20190704_223005.jpg']
    const input = archive(paths.map((path) => entry(path, { modifiedAt })))
    const items = itemsIn((await readExport(input, [undated], OPTIONS)).platforms[0]?.items)
    assert.deepEqual(
      items.map(({ taken }) => taken.map(({ source }) => source)),
      [[], ['file-name']],
    )
    assert.ok(items.every((read) => !('isUndated' in read)))
  })

  test('asks the title where the name says nothing', async () => {
    const titled = platform('P', 1, '', {
      read: ({ entries }) =>
        Promise.resolve({
          items: entries.map((one) => item(one, { title: 'IMG_20190704_223005.jpg' })),
          albums: [],
          nonMedia: [],
          remarks: [],
        }),
    })
    const reading = await readExport(archive([entry('a.jpg')]), [titled], OPTIONS)
    assert.equal(reading.platforms[0]?.items.at(0).taken[0]?.local, '2019-07-04T22:30:05')
  })

  test('a file time of a clock that was never set is none', async () => {
    const input = archive([entry('a', { modifiedAt: 0 }), entry('b', { modifiedAt: Date.UTC(1980, 0, 1) })])
    const reading = await readExport(input, [FOLDER], OPTIONS)
    assert.deepEqual(
      itemsIn(reading.platforms[0]?.items).map((one) => one.taken),
      [[], []],
    )
  })

  test('a file that the archive cannot give has failed; a problem of the whole is a remark', async () => {
    const reading = await readExport(
      archive(
        [entry('a.bin'), entry('twice.bin'), entry('dup (copy 2).bin')],
        [
          {
            code: 'encrypted',
            path: 'secret.jpg',
            sizeBytes: 99,
            message: 'is encrypted',
            hint: 'Unlock it.',
          },
          { code: 'encrypted', path: 'twice.bin', message: 'is encrypted' },
          { code: 'missing-part', message: 'part 002 is missing' },
          { code: 'duplicate-name', path: 'dup.bin', delivered: true, message: 'name occurs twice' },
        ],
      ),
      [FOLDER],
      OPTIONS,
    )
    assert.deepEqual(
      reading.nonMedia.map(({ entry: { path, sizeBytes }, ...rest }) => ({ path, sizeBytes, ...rest })),
      [
        {
          path: 'secret.jpg',
          sizeBytes: 99,
          outcome: 'failed',
          code: 'encrypted',
          reason: 'is encrypted: Unlock it.',
        },
        {
          path: 'twice (copy 2).bin',
          sizeBytes: 0,
          outcome: 'failed',
          code: 'encrypted',
          reason: 'is encrypted',
        },
      ],
    )
    assert.deepEqual(reading.remarks, [
      { code: 'missing-part', message: 'part 002 is missing' },
      { code: 'duplicate-name', message: 'name occurs twice', path: 'dup.bin' },
    ])
  })
})
