import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { pairFolder } from './match.ts'
import { groupBy } from './multimap.ts'
import { mediaNameOf, parseMediaName, sidecarBaseOf } from './names.ts'
import type { SidecarInput } from './sidecar-index.ts'
import { isAlbumFileName, isServiceFileName } from './words.ts'

const CASES = '../shared/data/takeout-matching-cases.json'

/** Names of a real kind, as reported in the issues named in docs/formats/google-takeout.md. */
const TABLE: readonly (readonly [rule: string, media: string, sidecar: string])[] = [
  ['plain', 'PXL_20211013_220651983.jpg', 'PXL_20211013_220651983.jpg.json'],
  ['supplemental', '20161105_170829.jpg', '20161105_170829.jpg.supplemental-metadata.json'],
  ['supplemental', 'MVIMG_20191230_232926.jpg', 'MVIMG_20191230_232926.jpg.supplemental-metadat.json'],
  ['supplemental', `${'x'.repeat(39)}.jpg`, `${'x'.repeat(39)}.jpg.su.json`],
  ['supplemental', `${'x'.repeat(40)}.jpg`, `${'x'.repeat(40)}.jpg.s.json`],
  ['supplemental', `${'x'.repeat(41)}.jpg`, `${'x'.repeat(41)}.jpg..json`],
  ['plain', `${'x'.repeat(42)}.jpg`, `${'x'.repeat(42)}.jpg.json`],
  [
    'plain',
    '05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jpg',
    '05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jp.json',
  ],
  [
    'plain',
    'PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg',
    'PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json',
  ],
  [
    'plain',
    'PXL_20230814_201154491.LONG_EXPOSURE-01.COVER.jpg',
    'PXL_20230814_201154491.LONG_EXPOSURE-01.COVER..json',
  ],
  ['plain', `${'😀'.repeat(23)}.jpg`, `${'😀'.repeat(23)}.json`],
  ['plain', `x${'😀'.repeat(23)}.jpg`, `x${'😀'.repeat(22)}.json`],
  ['plain', `x${'😀'.repeat(23)}.jpg`, `x${'😀'.repeat(22)}\uFFFD.json`],
  ['plain', 'IMG_3479(1).JPG', 'IMG_3479.JPG(1).json'],
  ['supplemental', 'CLIP0001(10).AVI', 'CLIP0001.AVI.supplemental-metadata(10).json'],
  [
    'supplemental',
    'Screenshot_20231027_123303_Facebook(1).jpg',
    'Screenshot_20231027_123303_Facebook.jpg.supple(1).json',
  ],
  ['plain', `13039_${'1'.repeat(36)}_n(1).jpg`, `13039_${'1'.repeat(36)}_n.j(1).json`],
  ['plain', 'IMG2021021(1)74722(1).jpg', 'IMG2021021(1)74722.jpg(1).json'],
  ['supplemental', 'Negative0-36-35(1)(1).jpg', 'Negative0-36-35(1).jpg.supplemental-metadata(1).json'],
  ['counter-in-title', 'Negative0-36-35(1).jpg', 'Negative0-36-35(1).jpg.supplemental-metadata.json'],
  ['plain', `${'B'.repeat(46)}m(494).jpg`, `${'B'.repeat(46)}(494).json`],
  ['title-without-extension', 'Peanut Butter Balls.jpg', 'Peanut Butter Balls.supplemental-metadata.json'],
  ['title-without-extension', '20030616.jpg', '20030616.json'],
  ['title-without-extension', '2013-12-23(1).jpg', '2013-12-23.supplemental-metadata(1).json'],
  ['plain', 'IMG_4081(1).jpg', 'IMG_4081.JPG(1).json'],
  ['edited', 'PXL_20220405_090123740.PORTRAIT-modifié.jpg', 'PXL_20220405_090123740.PORTRAIT.jpg.json'],
  ['edited', 'modifie-modifié.jpg'.normalize('NFD'), 'modifie.jpg.json'],
  ['edited', 'IMG_20120216_094016-edited(1).jpg', 'IMG_20120216_094016.jpg.supplemental-metadata.json'],
  ['edited', 'IMG_20120216_094016-edited(1).jpg', 'IMG_20120216_094016.jpg.supplemental-metadata(1).json'],
  ['edited', 'IMG_3479(1)-edited.JPG', 'IMG_3479.JPG(1).json'],
  ['edited', 'X-EFFECTS-edited(9).jpg', 'X.jpg.json'],
  ['edited', 'X-EFFECTS-edited(9).jpg', 'X-EFFECTS.jpg(9).json'],
  ['effect', 'X-COLLAGE.jpg', 'X.jpg.json'],
  ['edited-cut', `${'c'.repeat(43)}-edi.jpg`, `${'c'.repeat(43)}.jp.json`],
  ['edited-cut', `${'c'.repeat(44)}-e.jpeg`, `${'c'.repeat(44)}.j.json`],
  ['plain', `${'c'.repeat(46)}-.jpg`, `${'c'.repeat(46)}.json`],
  [
    'edited-cut',
    'Con Yoli por Málaga en el piso nuevo_001-ha ed.JPG',
    'Con Yoli por Málaga en el piso nuevo_001.JPG.json',
  ],
  ['counter-cut-away', `${'o'.repeat(47)}(1).jpg`, `${'o'.repeat(46)}.json`],
  ['edited-other-type', 'IMG_0102-edited.jpg', 'IMG_0102.HEIC.supplemental-metadata.json'],
  ['plain', 'PXL_20210102_221126856.MP~2.jpg', 'PXL_20210102_221126856.MP~2.jpg.json'],
  ['tilde', 'PXL_20210102_221126856.MP~2.jpg', 'PXL_20210102_221126856.MP.jpg.json'],
  ['motion-part', 'PXL_20221228_185930354.MP', 'PXL_20221228_185930354.MP.jpg.json'],
  ['motion-part', 'PXL_20210102_221126856.MP~2', 'PXL_20210102_221126856.MP~2.jpg.json'],
  ['motion-part', 'MVIMG_20180722_120942', 'MVIMG_20180722_120942.jpg.json'],
  ['live-video', '20250501_103356.MP4', '20250501_103356.heic.supplemental-metadata.json'],
  ['live-video', 'IMG_4573.MP4', 'IMG_4573.HEIC.json'],
  ['live-video', 'IMG_0769(1).mp4', 'IMG_0769.HEIC.supplemental-metadata(1).json'],
  ['extension-appended', 'IMG_2367(1).HEIC.jpg', 'IMG_2367.HEIC.supplemental-metadata(1).json'],
  ['extension-appended', 'IMG_2367(1).HEIC.jpg', 'IMG_2367.HEIC(1).supplemental-metadata.json'],
  ['plain', 'Tom_s.jpg', 'Tom&#39;s.jpg.json'],
  ['plain', 'Tom&#39;s.jpg', 'Tom_s.jpg.json'],
  ['extension-appended', 'IMG_1-edited.HEIC.jpg', 'IMG_1.HEIC.json'],
  ['supplement-cut-short', 'short.jpg', 'short.jpg.supplemental-meta.json'],
  ['one-character-off', 'filename_n-.jpg', 'filename_n.json'],
  ['one-character-off', 'filename_n.jpg', 'filename_.json'],
]

describe('pairFolder', () => {
  for (const [rule, media, sidecar] of TABLE) {
    test(`${rule}: ${media} takes ${sidecar}`, () => {
      const found = pairFolder([media, 'other.png'], [{ name: 'unrelated.jpg.json' }, { name: sidecar }]).get(
        media,
      )
      assert.equal(found?.sidecar, sidecar)
      assert.equal(found?.rule, rule)
    })
  }

  const STRANGERS: readonly (readonly [media: string, sidecar: string, title?: string])[] = [
    ['P_10.jpg', 'P_1.jpg.json'],
    ['P_10.jpg', 'P_1.json'],
    ['IMG_0102-edited.PNG', 'IMG_0102.HEIC.supplemental-metadata.json'],
    ['pic(1).jpg', 'pic.jpg.json'],
    ['DSC_0102(1).JPG', 'DSC_0102.JPG(2).json'],
    ['DSC_0103.JPG', 'DSC_0103.JPG(1).json'],
    ['IMG_4573(1).MP4', 'IMG_4573.HEIC.json'],
    ['IMG_1.png', 'IMG_1.jpg.json'],
    ['trip-2023.png', 'trip.png.json'],
    ['holiday-beach.jpg', 'holiday.jpg.json'],
  ]
  for (const [media, sidecar] of STRANGERS) {
    test(`${media} does not take ${sidecar}`, () => {
      assert.equal(pairFolder([media], [{ name: sidecar }]).get(media), undefined)
    })
  }

  test('an edited copy takes the JSON of its own type', () => {
    const names = ['IMG_0102.HEIC.supplemental-metadata.json', 'IMG_0102.PNG.supplemental-metadata.json']
    const found = pairFolder(['IMG_0102.HEIC', 'IMG_0102.PNG', 'IMG_0102-edited.PNG'], names.map(named))
    assert.equal(found.get('IMG_0102-edited.PNG')?.sidecar, names[1])
  })

  test('an unknown suffix counts where its removal gives an existing original, and is ambiguous', () => {
    const found = pairFolder(['IMG_7.jpg', 'IMG_7-muunneltu.jpg'], [named('IMG_7.jpg.json')])
    assert.deepEqual(found.get('IMG_7-muunneltu.jpg'), {
      sidecar: 'IMG_7.jpg.json',
      rule: 'edited-other-word',
      ambiguous: true,
    })
  })

  test('a file with a JSON of its own borrows none', () => {
    const found = pairFolder(
      ['photo-edited.jpg', 'photo.jpg'],
      ['photo.jpg.json', 'photo-edited.jpg.json'].map(named),
    )
    assert.equal(found.get('photo-edited.jpg')?.sidecar, 'photo-edited.jpg.json')
  })

  test('the newest style wins and the older is the runner-up', () => {
    const found = pairFolder(['a.jpg'], ['a.jpg.json', 'a.jpg.supplemental-metadata.json'].map(named))
    assert.deepEqual(found.get('a.jpg'), {
      sidecar: 'a.jpg.supplemental-metadata.json',
      rule: 'supplemental',
      runnerUp: { sidecar: 'a.jpg.json', rule: 'plain' },
      ambiguous: false,
    })
  })

  test('two readings of a counter are ambiguous', () => {
    const found = pairFolder(['a(1).jpg'], ['a.jpg(1).json', 'a(1).jpg.json'].map(named)).get('a(1).jpg')
    assert.equal(found?.sidecar, 'a.jpg(1).json')
    assert.equal(found?.ambiguous, true)
  })

  test('a title decides between two readings of a counter', () => {
    const sidecars = [
      { name: 'a.jpg(1).json', title: 'b.jpg' },
      { name: 'a(1).jpg.json', title: 'a(1).jpg' },
    ]
    assert.equal(pairFolder(['a(1).jpg'], sidecars).get('a(1).jpg')?.sidecar, 'a(1).jpg.json')
  })

  test('a numbered neighbour keeps a cut counter from its unnumbered sibling', () => {
    const base = 'o'.repeat(46)
    const found = pairFolder([`${base}x(185).jpg`], [named(`${base}.json`), named(`${base}(494).json`)])
    assert.equal(found.size, 0)
  })

  test('spellings that differ in case alone keep apart', () => {
    const found = pairFolder(['a.jpg', 'a.JPG'], [named('a.JPG.json')])
    assert.deepEqual([...found.keys()], ['a.JPG'])
  })

  test('a title in entities or quotes names the file with underscores', () => {
    const sidecars = [{ name: 'renamed.json', title: 'Tom&#39;s &quot;x&quot;.jpg' }]
    assert.equal(pairFolder(["Tom's _x_.jpg"], sidecars).get("Tom's _x_.jpg")?.rule, 'title')
  })

  test('a JSON of another title is taken only while no other file asks for it', () => {
    const sidecars = [{ name: `${'a'.repeat(46)}.json`, title: `${'a'.repeat(46)}x1.jpg` }]
    const [mine, other] = [`${'a'.repeat(46)}x.jpg`, `${'a'.repeat(46)}y.jpg`]
    assert.deepEqual([...pairFolder([other, mine], sidecars).keys()], [mine])
    assert.equal(pairFolder([other], sidecars).get(other)?.rule, 'contradicted-by-title')
    assert.equal(pairFolder([other], sidecars).get(other)?.ambiguous, true)
  })

  test('two files that ask for one JSON without title are both ambiguous', () => {
    const found = pairFolder(
      [`${'a'.repeat(46)}x.jpg`, `${'a'.repeat(46)}y.jpg`],
      [named(`${'a'.repeat(46)}.json`)],
    )
    assert.deepEqual(
      [...found.values()].map(({ ambiguous }) => ambiguous),
      [true, true],
    )
  })

  test('time grows with the number of files of a folder, not with its square', () => {
    // Eight times the files may take eight times the time; a quadratic match would take sixty-four times.
    const small = timeOf(5_000)
    const large = timeOf(40_000)
    assert.ok(large < 12 * small, `${small.toFixed(0)} ms for 5,000, ${large.toFixed(0)} ms for 40,000`)
  })
})

describe('the forward model, turned back', () => {
  test('gives every file its own JSON when files and JSON share their counters', () => {
    fc.assert(
      fc.property(titles(true), fc.boolean(), (list, isNew) =>
        provePairs(list, isNew, takeoutWithSharedCounters),
      ),
    )
  })

  test('gives every file its own JSON when each name is counted for itself', () => {
    fc.assert(
      fc.property(titles(false), fc.boolean(), (list, isNew) =>
        provePairs(list, isNew, takeoutWithOwnCounters),
      ),
    )
  })

  test('does not depend on the order of the folder', () => {
    fc.assert(
      fc.property(titles(true), fc.boolean(), fc.infiniteStream(fc.nat()), (list, isNew, numbers) => {
        const files = takeoutWithSharedCounters(list, isNew)
        const media = [...files.map((file) => file.media), ...files.map((file) => editedOf(file.media))]
        const shuffled = shuffle(media, numbers)
        const sidecars = shuffle(files, numbers).map(({ sidecar, title }) => ({ name: sidecar, title }))
        const plain = pairFolder(
          media,
          files.map(({ sidecar, title }) => ({ name: sidecar, title })),
        )
        assert.deepEqual(sorted(pairFolder(shuffled, sidecars)), sorted(plain))
      }),
    )
  })

  test('does not change when unrelated files are added', () => {
    fc.assert(
      fc.property(titles(true), fc.boolean(), (list, isNew) => {
        const files = takeoutWithSharedCounters(list, isNew)
        const media = files.map((file) => file.media)
        const sidecars = files.map(({ sidecar, title }) => ({ name: sidecar, title }))
        const strangers = ['Ω1.jpg', 'Ω1-edited.jpg', 'Ω2.HEIC', 'Ω2.MP4', 'Ω3(1).png']
        const found = pairFolder(
          [...strangers, ...media],
          [...sidecars, named('Ω1.jpg.json'), named('Ω4.json')],
        )
        const ours = [...found].filter(([name]) => !name.startsWith('Ω'))
        assert.deepEqual(sorted(new Map(ours)), sorted(pairFolder(media, sidecars)))
      }),
    )
  })
})

interface Case {
  readonly id: string
  readonly files: readonly string[]
  readonly json: Record<string, Record<string, unknown>>
  readonly expect: readonly { readonly media: string; readonly json: string | null }[]
  readonly contested?: unknown
}

test('the collected cases of other tools pair as they say', (context) => {
  if (!existsSync(CASES)) return context.skip(`no ${CASES}`)
  const results = (JSON.parse(readFileSync(CASES, 'utf8')) as Case[]).flatMap((one) => judge(one))
  const contested = results.filter((result) => result.isContested)
  const counted = results.filter((result) => !result.isContested)
  const misses = counted.filter(({ isRight }) => !isRight)
  context.diagnostic(`${counted.length - misses.length} of ${counted.length}, and of the contested ones`)
  context.diagnostic(`${contested.filter(({ isRight }) => isRight).length} of ${contested.length}`)
  assert.ok(counted.length > 100)
  assert.ok(misses.length <= counted.length * 0.02, misses.map(({ name }) => name).join('\n'))
})

function judge(one: Case): { name: string; isRight: boolean; isContested: boolean }[] {
  const found = pairCase(one)
  return one.expect.map(({ media, json }) => ({
    name: `${one.id}: ${media} takes ${found.get(media)} and not ${json}`,
    isRight: (found.get(media) ?? null) === json,
    isContested: one.contested !== undefined,
  }))
}

function pairCase({ files, json }: Case): ReadonlyMap<string, string> {
  const paths = files.map((path) => ({ path, folder: path.slice(0, path.lastIndexOf('/') + 1) }))
  const found = new Map<string, string>()
  for (const [folder, members] of groupBy(paths, (file) => file.folder)) {
    const names = members.map(({ path }) => path.slice(folder.length))
    const isSidecar = (name: string): boolean =>
      name.endsWith('.json') && !isAlbumFileName(name) && !isServiceFileName(name)
    const sidecars = names.filter(isSidecar).map((name) => {
      const title = json[folder + name]?.['title']
      return typeof title === 'string' ? { name, title } : { name }
    })
    const media = names.filter((name) => !name.endsWith('.json'))
    for (const [name, { sidecar }] of pairFolder(media, sidecars)) found.set(folder + name, folder + sidecar)
  }
  return found
}

interface Written {
  readonly title: string
  readonly media: string
  readonly sidecar: string
}

function provePairs(
  list: readonly string[],
  isNew: boolean,
  write: (list: readonly string[], isNew: boolean) => readonly Written[],
): void {
  const files = write(list, isNew)
  const sidecars = files.map(({ sidecar, title }) => ({ name: sidecar, title }))
  const found = pairFolder(
    files.map(({ media }) => media),
    sidecars,
  )
  for (const { media, sidecar } of files)
    assert.equal(found.get(media)?.sidecar, sidecar, JSON.stringify(files))
}

/** Takeout's naming: the first counter that is free for the file and its JSON alike. */
function takeoutWithSharedCounters(list: readonly string[], isNew: boolean): readonly Written[] {
  const taken = new Set<string>()
  return list.map((title) => {
    for (let counter = 0; ; counter++) {
      const media = countedMedia(title, counter)
      const sidecar = countedSidecar(title, counter, isNew)
      if (taken.has(media) || taken.has(sidecar)) continue
      taken.add(media).add(sidecar)
      return { title, media, sidecar }
    }
  })
}

/** The same, each name counted for itself, as where different titles are cut to one JSON name. */
function takeoutWithOwnCounters(list: readonly string[], isNew: boolean): readonly Written[] {
  const taken = new Set<string>()
  const free = (name: (counter: number) => string): string => {
    let counter = 0
    while (taken.has(name(counter))) counter += 1
    taken.add(name(counter))
    return name(counter)
  }
  return list.map((title) => {
    const media = free((counter) => countedMedia(title, counter))
    return { title, media, sidecar: free((counter) => countedSidecar(title, counter, isNew)) }
  })
}

function countedMedia(title: string, counter: number): string {
  const name = mediaNameOf(title)
  const { extension } = parseMediaName(name)
  return counter === 0 ? name : `${name.slice(0, name.length - extension.length)}(${counter})${extension}`
}

function countedSidecar(title: string, counter: number, isNew: boolean): string {
  return `${sidecarBaseOf(title, isNew ? 'new' : 'old')}${counter === 0 ? '' : `(${counter})`}.json`
}

/** Lists of titles with many repeats, equal beginnings beyond the cuts, emoji, and forbidden characters. */
function titles(withCounters: boolean): fc.Arbitrary<string[]> {
  const letters = fc.stringMatching(/^[a-c]{1,3}$/u)
  const piece = fc.oneof(letters, fc.constantFrom('😀', '👩‍👧', 'é', 'IMG_', '🥲☺️', ' ', '&', "'", '?', '文'))
  const short = fc.array(piece, { minLength: 1, maxLength: 4 }).map((parts) => `x${parts.join('')}y`)
  const long = fc
    .tuple(fc.integer({ min: 36, max: 48 }), fc.constantFrom('L', '😀'), short)
    .map(([units, filler, end]) => filler.repeat(units / filler.length) + end)
  const stem = fc.oneof(short, long)
  const numbered = withCounters ? fc.constantFrom('', '', '', '(1)', '(2)') : fc.constant('')
  const title = fc
    .tuple(stem, numbered, fc.constantFrom('.jpg', '.jpg', '.jpeg', '.PNG', '.webp'))
    .map((parts) => parts.join(''))
  return fc
    .array(fc.tuple(title, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 12 })
    .map((list) => list.flatMap(([one, copies]) => Array.from({ length: copies }, () => one)))
}

function editedOf(media: string): string {
  const { extension } = parseMediaName(media)
  return `${media.slice(0, media.length - extension.length)}-edited${extension}`
}

function shuffle<Value>(values: readonly Value[], numbers: { next(): IteratorResult<number> }): Value[] {
  const keyed = values.map((value) => ({ value, key: Number(numbers.next().value) }))
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value)
}

function sorted(pairs: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))
}

function named(name: string): SidecarInput {
  return { name }
}

/** Milliseconds of the processor. */
function timeOf(count: number): number {
  const numbers = Array.from({ length: count }, (_, index) => index)
  // Half of them equal names with counters, all edited once, no JSON for a tenth.
  const media = numbers.map((index) => (index % 2 === 0 ? `IMG_${index}.jpg` : `image(${index}).jpg`))
  const sidecars = numbers
    .filter((index) => index % 10 !== 0)
    .map((index) =>
      index % 2 === 0
        ? { name: `IMG_${index}.jpg.json`, title: `IMG_${index}.jpg` }
        : { name: `image.jpg(${index}).json`, title: 'image.jpg' },
    )
  const start = process.cpuUsage()
  const found = pairFolder([...media, ...media.map(editedOf)], sidecars)
  assert.ok(found.size >= count)
  return process.cpuUsage(start).user / 1_000
}
