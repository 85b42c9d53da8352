import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BadPatternError, parseTextPattern } from './text-pattern.ts'

const matches = (pattern: string, text: string): boolean =>
  parseTextPattern(pattern).match(text) !== undefined

describe('parseTextPattern', () => {
  const cases: { fact: string; pattern: string; yes: readonly string[]; no: readonly string[] }[] = [
    {
      fact: 'a text is the whole text in any case',
      pattern: 'Paper scans',
      yes: ['paper SCANS'],
      no: ['Paper scans 2', ''],
    },
    {
      fact: 'accents are equal however they are written',
      pattern: 'caf\u00e9',
      yes: ['cafe\u0301', 'CAFÉ'],
      no: ['cafe'],
    },
    {
      fact: 'a star is anything, also a slash',
      pattern: '*whatsapp*',
      yes: ['/a/WhatsApp/b', 'whatsapp'],
      no: ['whats app'],
    },
    { fact: 'a lone star is anything', pattern: '*', yes: ['', 'x'], no: [] },
    { fact: 'a star does not use a letter twice', pattern: 'ab*ba', yes: ['abba', 'ab-ba'], no: ['aba'] },
    {
      fact: 'a question mark is one character',
      pattern: 'img_?.jpg',
      yes: ['IMG_1.jpg', 'img_\u{1f600}.jpg'],
      no: ['img_.jpg', 'img_12.jpg'],
    },
    {
      fact: 'stars and question marks go together',
      pattern: '?b*?d',
      yes: ['abcd', 'abxd', 'abbbd'],
      no: ['abd', 'bd'],
    },
    {
      fact: 'a regex is anywhere and minds the case',
      pattern: '/tr[ai]p/',
      yes: ['my trip'],
      no: ['my Trip'],
    },
    { fact: 'a regex with i has any case', pattern: '/tr[ai]p/i', yes: ['My TRAP'], no: ['tr'] },
    {
      fact: 'a slash inside a regex needs no escape',
      pattern: '/^/mnt/x/',
      yes: ['/mnt/x/1.jpg'],
      no: ['a/mnt/x'],
    },
    { fact: 'a path is no regex', pattern: '/mnt/photos', yes: ['/MNT/photos'], no: ['mnt'] },
    { fact: 'a regex sees composed letters', pattern: '/^caf.$/', yes: ['cafe\u0301'], no: ['cafe\u0301s'] },
  ]
  for (const { fact, pattern, yes, no } of cases) {
    test(fact, () => {
      for (const text of yes) assert.ok(matches(pattern, text), `${pattern} matches ${text}`)
      for (const text of no) assert.ok(!matches(pattern, text), `${pattern} does not match ${text}`)
    })
  }

  test('gives the named groups that caught something', () => {
    const pattern = parseTextPattern('/(?<d>\\d{8})(?:_(?<t>\\d{6}))?/')
    assert.deepEqual(pattern.groups, ['d', 't'])
    assert.deepEqual(pattern.match('IMG_20190602.jpg'), { d: '20190602' })
    assert.deepEqual(pattern.match('20190602_101112'), { d: '20190602', t: '101112' })
    assert.deepEqual(
      pattern.match('20190602_101112'),
      { d: '20190602', t: '101112' },
      'the same when asked again',
    )
    assert.equal(pattern.match('none'), undefined)
    assert.equal(pattern.match('none'), undefined)
  })

  test('finds all matches, a slash at the end of one being the beginning of the next', () => {
    const pattern = parseTextPattern('/\\/(?<n>\\d+)\\//')
    assert.deepEqual(
      pattern.findAll('/1/2/x/3/').map(({ from, to, groups }) => [from, to, groups['n']]),
      [
        [0, 3, '1'],
        [2, 5, '2'],
        [6, 9, '3'],
      ],
    )
  })

  test('finds empty matches without end', () => {
    assert.equal(parseTextPattern('/x*/').findAll('abc').length, 4)
  })

  const bad: { fact: string; pattern: string; offset: number; says: RegExp }[] = [
    { fact: 'look-ahead', pattern: '/abc(?=d)/', offset: 4, says: /Perl syntax: \(\?=/u },
    { fact: 'an open group', pattern: '/(a/', offset: 1, says: /missing closing/u },
    { fact: 'a wrong range', pattern: '/x[z-a]/', offset: 3, says: /range: z-a/u },
    { fact: 'a back reference', pattern: '/(a)\\1/', offset: 4, says: /escape/u },
    { fact: 'a flag other than i', pattern: '/abc/g', offset: 5, says: /flag "g"/u },
    { fact: 'an empty regex', pattern: '//', offset: 0, says: /empty/u },
    { fact: 'a very long regex', pattern: `/${'a'.repeat(3000)}/`, offset: 0, says: /3000 characters/u },
  ]
  for (const { fact, pattern, offset, says } of bad) {
    test(`refuses ${fact}`, () => {
      assert.throws(
        () => parseTextPattern(pattern),
        (error) => error instanceof BadPatternError && error.offset === offset && says.test(error.message),
      )
    })
  }

  test('a glob means the same as its regex', () => {
    const letters = fc.stringMatching(/^[ab/]{0,8}$/u)
    fc.assert(
      fc.property(fc.stringMatching(/^[ab*?]{1,6}$/u), letters, (glob, text) => {
        const regex = new RegExp(`^${glob.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`, 'u')
        assert.equal(matches(glob, text), regex.test(text))
      }),
      { numRuns: 500 },
    )
  })

  test('any text compiles or is refused, and a pattern of it never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/${text}/`),
        ),
        fc.string(),
        (source, text) => {
          try {
            const pattern = parseTextPattern(source)
            pattern.match(text)
            pattern.findAll(text.normalize('NFC'))
          } catch (error) {
            assert.ok(error instanceof BadPatternError)
            assert.ok(error.offset >= 0 && error.offset <= source.length)
          }
        },
      ),
    )
  })

  test('a regex that makes others hang ends at once', () => {
    assert.ok(!matches('/(a+)+$/', `${'a'.repeat(20_000)}b`))
  })
})
