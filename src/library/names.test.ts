import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  accountOf,
  companionNames,
  exportFolderName,
  foldPath,
  MAX_NAME_BYTES,
  type NameParts,
  placedName,
  primaryNames,
  safeSegment,
} from './names.ts'

const PHOTO: NameParts = {
  stem: 'gphotos',
  account: 'anna',
  local: '2021-07-04T22:30:05',
  sha1Hex: '3fa9c1d2e4f5061728394a5b6c7d8e9f00112233',
  extension: 'jpg',
}

const SHA1 = fc.stringMatching(/^[0-9a-f]{40}$/u)
const LOCAL = fc
  .date({ min: new Date('1850-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 19))

describe('placedName', () => {
  const cases: { fact: string; parts: Partial<NameParts>; name: string }[] = [
    { fact: 'the name of the design', parts: {}, name: 'gphotos-anna-20210704T223005-3fa9c1.jpg' },
    {
      fact: 'fractions of a second are left out',
      parts: { local: '2021-07-04T22:30:05.123' },
      name: 'gphotos-anna-20210704T223005-3fa9c1.jpg',
    },
    {
      fact: 'a minute has no seconds',
      parts: { precision: 'minute' },
      name: 'gphotos-anna-20210704T223000-3fa9c1.jpg',
    },
    { fact: 'a day has no time', parts: { precision: 'day' }, name: 'gphotos-anna-20210704-3fa9c1.jpg' },
    { fact: 'a month has no day', parts: { precision: 'month' }, name: 'gphotos-anna-20210700-3fa9c1.jpg' },
    { fact: 'a year has no month', parts: { precision: 'year' }, name: 'gphotos-anna-20210000-3fa9c1.jpg' },
    { fact: 'an unreadable date is none', parts: { local: 'soon' }, name: 'gphotos-anna-undated-3fa9c1.jpg' },
    { fact: 'an extension is lower case', parts: { extension: '.JPG' }, name: placedName(PHOTO) },
    {
      fact: 'what is no extension is bin',
      parts: { extension: 'jp/../g' },
      name: 'gphotos-anna-20210704T223005-3fa9c1.bin',
    },
    {
      fact: 'an account cannot lead out of the folder',
      parts: { account: '../../etc' },
      name: 'gphotos-_.._etc-20210704T223005-3fa9c1.jpg',
    },
  ]
  for (const { fact, parts, name } of cases) {
    test(fact, () => assert.equal(placedName({ ...PHOTO, ...parts }), name))
  }

  test('an export without an account has none in its names', () => {
    const { account: _, ...parts } = PHOTO
    assert.equal(placedName(parts), 'gphotos-20210704T223005-3fa9c1.jpg')
  })

  test('names sort by date', () => {
    const natural = new Intl.Collator('en', { numeric: true })
    fc.assert(
      fc.property(LOCAL, LOCAL, SHA1, SHA1, (one, other, sha1, otherSha1) => {
        const [before = '', after = ''] = [one, other].toSorted()
        const earlier = placedName({ ...PHOTO, local: before, sha1Hex: sha1 })
        const later = placedName({ ...PHOTO, local: after, sha1Hex: otherSha1 })
        assert.ok(one === other || earlier < later, `${earlier} before ${later}`)
        assert.ok(
          one === other || natural.compare(earlier, later) < 0,
          `${earlier} naturally before ${later}`,
        )
      }),
    )
  })

  test('less precise names sort before the times they contain, and after the days before', () => {
    const at = (local: string, precision: NameParts['precision'] = 'second'): string =>
      placedName({ ...PHOTO, local, precision: precision ?? 'second' })
    const names = [
      at('2020-12-31T23:59:59'),
      at('2021-01-01T00:00:00', 'year'),
      at('2021-06-30T12:00:00'),
      at('2021-07-01T00:00:00', 'month'),
      at('2021-07-04T00:00:00', 'day'),
      at('2021-07-04T00:00:00'),
    ]
    assert.deepEqual(names.toSorted(), names)
  })

  test('candidates all differ, are finite, and the last one carries the whole hash', () => {
    const names = [...primaryNames(PHOTO)].map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.at(-1)?.includes(PHOTO.sha1Hex))
  })

  test('any input gives a name that every system takes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 })
    fc.assert(
      fc.property(text, text, text, text, SHA1, (stem, account, local, extension, sha1Hex) => {
        const primaries = [...primaryNames({ stem, account, local, extension, sha1Hex })]
        const longest = primaries.at(-1)?.stem ?? ''
        const companions = companionNames({ primaryStem: longest, role: 'motion-video', sha1Hex, extension })
        for (const { name } of [...primaries, ...companions]) {
          assert.ok(Buffer.byteLength(`${name}.xmp`) <= MAX_NAME_BYTES, name)
          assert.equal(safeSegment(name, MAX_NAME_BYTES, ''), name)
        }
      }),
    )
  })
})

describe('companionNames', () => {
  const first = (role: 'edited' | 'live-video' | 'raw' | 'overlay', extension: string): string[] =>
    [...companionNames({ primaryStem: 'gphotos-undated-3fa9c1', role, sha1Hex: PHOTO.sha1Hex, extension })]
      .slice(0, 3)
      .map(({ name }) => name)

  test('an edited copy always says so', () => {
    assert.deepEqual(first('edited', 'jpg').slice(0, 2), [
      'gphotos-undated-3fa9c1-edited.jpg',
      'gphotos-undated-3fa9c1-edited-3fa9c1.jpg',
    ])
  })

  test('the video of a live photo has the very stem, and its role where that is taken', () => {
    assert.deepEqual(first('live-video', 'mov'), [
      'gphotos-undated-3fa9c1.mov',
      'gphotos-undated-3fa9c1-live-video.mov',
      'gphotos-undated-3fa9c1-live-video-3fa9c1.mov',
    ])
  })
})

describe('accountOf', () => {
  const cases: Record<string, string | undefined> = {
    'google-anna-20240101': 'anna',
    'google-anna.b-c-20240101': 'anna.b-c',
    'discord-john_doe-20230506': 'john_doe',
    'takeout-20240101T000000Z': undefined,
    'takeout-20240101T000000Z-001': undefined,
    'takeout-anna-20240101T000000Z-001': 'anna',
    'My photos 2019': undefined,
    'DCIM-anna-20240101': undefined,
  }
  for (const [name, account] of Object.entries(cases)) {
    test(`${name} tells ${account ?? 'nobody'}`, () => assert.equal(accountOf(name), account))
  }
})

describe('safe segments', () => {
  const cases: { fact: string; text: string; safe: string }[] = [
    { fact: 'a device name of Windows', text: 'CON', safe: '_CON' },
    { fact: 'a device name with an extension', text: 'lpt1.old', safe: '_lpt1.old' },
    { fact: 'dots and spaces at the end', text: 'photos. .', safe: 'photos' },
    { fact: 'a hidden folder', text: '.heirloom', safe: 'heirloom' },
    { fact: 'separators and wildcards', text: 'a/b\\c:d*e', safe: 'a_b_c_d_e' },
    { fact: 'controls and direction overrides', text: 'a\u0000\u202eb', safe: 'a_b' },
    { fact: 'nothing left', text: '...', safe: 'export' },
    { fact: 'a decomposed letter', text: 'Bu\u0308cher', safe: 'B\u00fccher' },
  ]
  for (const { fact, text, safe } of cases) test(fact, () => assert.equal(exportFolderName(text), safe))

  test('is idempotent, in the limit, and never splits a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.integer({ min: 8, max: 80 }),
        (text, max) => {
          const safe = safeSegment(text, max, 'none')
          assert.equal(safeSegment(safe, max, 'none'), safe)
          assert.ok(Buffer.byteLength(safe) <= max)
          assert.equal(Buffer.from(safe).toString(), safe)
        },
      ),
    )
  })
})

describe('foldPath', () => {
  test('case, normalization and the sharp s are not told apart', () => {
    assert.equal(foldPath('B\u00dcCHER/Stra\u00dfe'), foldPath('bu\u0308cher/STRASSE'))
  })

  test('folds every letter to the same as its upper and lower case, and folding again changes nothing', () => {
    for (let code = 0; code < 0x3000; code += 1) {
      const letter = String.fromCodePoint(code)
      const folded = foldPath(letter)
      assert.equal(foldPath(folded), folded, code.toString(16))
      assert.equal(foldPath(letter.toUpperCase()), folded, code.toString(16))
      assert.equal(foldPath(letter.toLowerCase()), folded, code.toString(16))
    }
  })
})
