import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ArchiveEntry } from './archive/archive.ts'
import { groupItems, type ItemFacts, type ItemGroup, mergeFacts } from './group-items.ts'
import type { CompanionRole, MediaItem } from './media-item.ts'

type Parts = readonly [string, ...(readonly [CompanionRole, string])[]]

function entry(path: string, sizeBytes = 10): ArchiveEntry {
  return { path, sizeBytes, source: { kind: 'file', file: `/in/${path}` } }
}

function item([primary, ...companions]: Parts, more: Partial<MediaItem> = {}): MediaItem {
  return {
    primary: { entry: entry(primary) },
    companions: companions.map(([role, path]) => ({ role, entry: entry(path) })),
    taken: [],
    people: [],
    albums: [],
    ...more,
  }
}

/** Files of one name in different folders have one content. */
const byName = ({ path }: ArchiveEntry): string => path.slice(path.lastIndexOf('/') + 1)

function groupsOf(
  items: readonly MediaItem[],
  keyOf: (entry: ArchiveEntry) => string | undefined = byName,
): ItemGroup[] {
  const filesOf = ({ primary, companions }: MediaItem): ArchiveEntry[] =>
    [primary, ...companions].map((file) => file.entry)
  const at = (index: number): MediaItem => items[index] as MediaItem
  const list = { length: items.length, at, filesOf: (index: number) => filesOf(at(index)) }
  const groups = groupItems(list, keyOf)
  const made = [...groups]
  const firsts = made.flatMap(({ parts }) => parts.flatMap(({ copies }) => copies[0]?.entry.sizeBytes ?? 0))
  assert.equal(groups.length, made.length)
  assert.equal(
    groups.sizeBytes,
    firsts.reduce((sum, sizeBytes) => sum + sizeBytes, 0),
  )
  return made
}

/** One line a group: `primary a,b | live-video c`. */
function show(
  items: readonly MediaItem[],
  keyOf: (entry: ArchiveEntry) => string | undefined = byName,
): string[] {
  return groupsOf(items, keyOf).map(({ parts }) =>
    parts.map(({ role, copies }) => `${role} ${copies.map((copy) => copy.entry.path).join(',')}`).join(' | '),
  )
}

describe('groupItems', () => {
  test('joins a photo and its copy in an album, the one outside albums first', () => {
    const copies = [item(['Album/a.jpg'], { albums: ['Album'] }), item(['Photos from 2023/a.jpg'])]
    assert.deepEqual(show(copies), ['primary Photos from 2023/a.jpg,Album/a.jpg'])
  })

  test('puts the copy with a sidecar before the one without, and the trash last', () => {
    const pairing = { sidecar: 's', rule: 'r', ambiguous: false }
    const copies = [
      item(['1/a.jpg'], { trashed: true }),
      item(['2/a.jpg']),
      { ...item(['3/a.jpg']), primary: { entry: entry('3/a.jpg'), pairing } },
    ]
    assert.deepEqual(show(copies), ['primary 3/a.jpg,2/a.jpg,1/a.jpg'])
    const [first] = groupsOf(copies)[0]?.parts[0]?.copies ?? []
    assert.deepEqual([first?.pairing, first?.item], [pairing, copies[2]])
  })

  test('a video that lies alone in an album is the companion that it is elsewhere', () => {
    const items = [item(['Album/a.mp4']), item(['2023/a.heic', ['live-video', '2023/a.mp4']])]
    assert.deepEqual(show(items), ['primary 2023/a.heic | live-video 2023/a.mp4,Album/a.mp4'])
  })

  test('the edited copy alone in an album, with its own video, is part of the original', () => {
    const items = [
      item(['Album/e.heic', ['live-video', 'Album/v.mov']]),
      item(['2023/a.heic', ['edited', '2023/e.heic'], ['live-video', '2023/v.mov']]),
    ]
    assert.deepEqual(show(items), [
      'primary 2023/a.heic | edited 2023/e.heic,Album/e.heic | live-video 2023/v.mov,Album/v.mov',
    ])
  })

  test('two live photos that share a clip of darkness stay two', () => {
    const items = [
      item(['1/a.heic', ['live-video', '1/dark.mov']]),
      item(['1/b.heic', ['live-video', '2/dark.mov']]),
    ]
    assert.deepEqual(show(items), [
      'primary 1/a.heic | live-video 1/dark.mov',
      'primary 1/b.heic | live-video 2/dark.mov',
    ])
  })

  test('a lone copy of a shared clip goes to the first of the two', () => {
    const items = [
      item(['3/dark.mov']),
      item(['1/b.heic', ['live-video', '2/dark.mov']]),
      item(['1/a.heic', ['live-video', '1/dark.mov']]),
    ]
    assert.deepEqual(show(items), [
      'primary 1/a.heic | live-video 1/dark.mov,3/dark.mov',
      'primary 1/b.heic | live-video 2/dark.mov',
    ])
  })

  test('an item with a file of its own is not swallowed by one that has its primary as a companion', () => {
    const items = [item(['1/a.jpg', ['edited', '1/b.jpg']]), item(['2/b.jpg', ['live-video', '2/c.mov']])]
    assert.deepEqual(show(items), [
      'primary 1/a.jpg | edited 1/b.jpg',
      'primary 2/b.jpg | live-video 2/c.mov',
    ])
  })

  test('a chain of companions does not become one item', () => {
    const chain = Array.from({ length: 50 }, (_, n) => item([`x/${n}`, ['edited', `y/${n + 1}`]]))
    assert.equal(groupsOf(chain).length, 50)
  })

  test('two that hold each other become one, with the first as primary', () => {
    const items = [item(['2/b.dng', ['raw', '2/a.jpg']]), item(['1/a.jpg', ['raw', '1/b.dng']])]
    assert.deepEqual(show(items), ['primary 1/a.jpg,2/a.jpg | raw 1/b.dng,2/b.dng'])
  })

  test('an edited copy equal to its original is a copy', () => {
    const same = (): string => 'same'
    assert.deepEqual(show([item(['a.jpg', ['edited', 'a-edited.jpg']])], same), [
      'primary a.jpg,a-edited.jpg',
    ])
  })

  test('copies with different companions keep them all', () => {
    const items = [item(['1/a.jpg', ['raw', '1/a.dng']]), item(['2/a.jpg', ['live-video', '2/a.mov']])]
    assert.deepEqual(show(items), ['primary 1/a.jpg,2/a.jpg | raw 1/a.dng | live-video 2/a.mov'])
  })

  test('empty files, and files of unknown content, join nothing', () => {
    const empty = ['1/a.jpg', '2/a.jpg'].map((path) => ({
      ...item([path]),
      primary: { entry: entry(path, 0) },
    }))
    assert.deepEqual(show(empty), ['primary 1/a.jpg', 'primary 2/a.jpg'])
    assert.deepEqual(
      show([item(['1/a.jpg']), item(['2/a.jpg'])], () => undefined),
      ['primary 1/a.jpg', 'primary 2/a.jpg'],
    )
  })

  const anyItems = fc
    .array(
      fc.tuple(
        fc.integer({ min: 0, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
        fc.boolean(),
      ),
      { maxLength: 12 },
    )
    .map((drawn) =>
      drawn.map(([primary, companions, trashed], index) =>
        item(
          [
            `${index}/p/${primary}`,
            ...companions.map((key, n) => ['edited', `${index}/${n}/${key}`] as const),
          ],
          trashed ? { trashed } : {},
        ),
      ),
    )

  test('every file is in exactly one part, and a part has one content', () => {
    fc.assert(
      fc.property(anyItems, (items) => {
        const groups = groupsOf(items)
        const seen = groups.flatMap(({ parts }) =>
          parts.flatMap(({ copies }) => copies.map(({ entry }) => entry.path)),
        )
        const all = items.flatMap(({ primary, companions }) =>
          [primary, ...companions].map(({ entry }) => entry.path),
        )
        assert.deepEqual(seen.toSorted(), all.toSorted())
        for (const { parts } of groups) {
          assert.deepEqual(
            parts.map(({ role }) => role === 'primary'),
            parts.map((_, index) => index === 0),
          )
          for (const { copies } of parts)
            assert.equal(new Set(copies.map((copy) => byName(copy.entry))).size, 1)
        }
      }),
    )
  })

  test('items of one primary content are in one group, and different ones only as a companion of the first', () => {
    fc.assert(
      fc.property(anyItems, (items) => {
        const groups = groupsOf(items)
        for (const { parts } of groups) {
          const contents = parts.map(({ copies }) => byName((copies[0] ?? { entry: entry('') }).entry))
          const holder = items.filter(({ primary }) => byName(primary.entry) === contents[0])
          for (const other of contents.slice(1)) {
            assert.ok(
              holder.some(({ companions }) =>
                companions.some((companion) => byName(companion.entry) === other),
              ),
            )
          }
        }
        const primaries = groups.map(({ parts }) =>
          byName((parts[0]?.copies[0] ?? { entry: entry('') }).entry),
        )
        assert.equal(new Set(primaries).size, primaries.length)
      }),
    )
  })

  test('the order of the items never matters', () => {
    fc.assert(
      fc.property(anyItems, fc.integer(), (items, seed) => {
        const shuffled = items
          .map((one, index) => ({ one, rank: Math.sin(seed + index * 7.3) }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ one }) => one)
        assert.deepEqual(show(shuffled), show(items))
      }),
    )
  })

  test('100,000 items, all with one shared clip, take seconds', () => {
    const items = Array.from({ length: 50_000 }, (_, n) => item([`1/${n}`, ['live-video', `v${n}/dark`]]))
    const lone = Array.from({ length: 50_000 }, (_, n) => item([`album${n}/dark`]))
    const start = process.cpuUsage()
    assert.equal(groupsOf([...items, ...lone]).length, 50_000)
    assert.ok(process.cpuUsage(start).user / 1000 < 8000)
  })
})

describe('mergeFacts', () => {
  const none: ItemFacts = { taken: [], people: [], albums: [] }
  const first = { source: 'export', detail: 'photoTakenTime', at: 1, precision: 'second' } as const
  const second = {
    source: 'file-name',
    detail: 'yyyymmdd',
    local: '2019-07-04T00:00:00',
    precision: 'day',
  } as const

  test('unites albums, people and evidence without repeats, in order', () => {
    const merged = mergeFacts([
      { ...none, albums: ['b', 'a'], people: ['Anna'], taken: [first] },
      { ...none, albums: ['c', 'a'], people: ['Bob', 'Anna'], taken: [second, { ...first }] },
    ])
    assert.deepEqual(merged, { albums: ['b', 'a', 'c'], people: ['Anna', 'Bob'], taken: [first, second] })
  })

  test('takes position and title of the first copy that has them', () => {
    const position = { latitude: 1, longitude: 2 }
    const merged = mergeFacts([
      { ...none, title: '' },
      { ...none, position, title: 'a.jpg' },
      { ...none, position: { latitude: 3, longitude: 4 }, title: 'b.jpg' },
    ])
    assert.deepEqual([merged.position, merged.title], [position, 'a.jpg'])
  })

  test('unites keywords and takes the first rating', () => {
    const merged = mergeFacts([
      { ...none, keywords: ['Sea'] },
      { ...none, keywords: ['Places|Italy', 'Sea'], rating: 2 },
      { ...none, rating: 4 },
    ])
    assert.deepEqual([merged.keywords, merged.rating], [['Sea', 'Places|Italy'], 2])
  })

  test('keeps every different caption', () => {
    const captions = ['', 'At the lake', ' At the lake ', 'With Anna'].map((caption) => ({
      ...none,
      caption,
    }))
    assert.equal(mergeFacts(captions).caption, 'At the lake\nWith Anna')
    assert.equal(mergeFacts([none]).caption, undefined)
  })

  test('favourite and archived anywhere hold, trashed and shared only everywhere', () => {
    const all = { ...none, favourite: true, archived: true, trashed: true, shared: true }
    assert.deepEqual(mergeFacts([none, all]), { ...none, favourite: true, archived: true })
    assert.deepEqual(mergeFacts([all, all]), all)
  })
})
