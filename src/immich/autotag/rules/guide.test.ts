import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { FEATURE_PERMISSIONS } from '../../permissions.ts'
import { lint } from './lint.ts'
import { PREDICATE_WORDS } from './read-predicate.ts'
import { type ReadRulesResult, readRules } from './read-rules.ts'

const guide = readFileSync('docs/guides/autotag.md', 'utf8')
const sections = new Map(
  guide.split(/^#{2,3} /mu).map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
)

/** Whole rules files of the guide, without the indentation of a list that they stand in. */
const blocks = [...guide.matchAll(/^(?<indent> *)```yaml\n(?<text>.*?)^ *```$/gmsu)].map(({ groups }) =>
  (groups?.['text'] ?? '').replaceAll(new RegExp(`^${groups?.['indent'] ?? ''}`, 'gmu'), ''),
)

function read(text: string): ReadRulesResult {
  return readRules(text, {
    fileName: 'autotag.yaml',
    env: { IMMICH_KEY: 'key-1234', IMMICH_TOKEN: 'token-1234' },
    machineZone: 'UTC',
  })
}

describe('docs/guides/autotag.md', () => {
  test('has its rules as whole files', () => {
    assert.ok(blocks.length >= 7)
    for (const text of blocks) assert.match(text, /^version: 1$/mu)
  })

  for (const [index, text] of blocks.entries()) {
    test(`has rules without a mistake in block ${index + 1}`, () => {
      const { rules, problems, locate } = read(text)
      assert.deepEqual(problems, [])
      assert.ok(rules !== undefined)
      assert.deepEqual(lint(rules, locate), [])
    })
  }

  test('names every word of a condition, and no other', () => {
    const rows = [...(sections.get('Conditions') ?? '').matchAll(/^\| (?<words>[^|]*) \|/gmu)]
    const named = rows.flatMap(({ groups }) =>
      [...(groups?.['words'] ?? '').matchAll(/`(?<word>[a-z-]+)`/gu)].map((word) => word.groups?.['word']),
    )
    assert.deepEqual(named.toSorted(), PREDICATE_WORDS.toSorted())
  })

  test('names every permission that a feature needs, and no other', () => {
    const rows = (sections.get('Permissions') ?? '').split('\n').filter((line) => line.startsWith('| `'))
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`(?<permission>[A-Za-z.]+)`/gu)].map(
        ({ groups }) => groups?.['permission'],
      ),
    )
    const needed = Object.entries(FEATURE_PERMISSIONS).flatMap(([feature, permissions]) =>
      feature.startsWith('autotag-') ? permissions : [],
    )
    assert.deepEqual(named.toSorted(), [...new Set(needed)].toSorted())
  })

  /** A file with an unknown word in each part, which the reader answers with those it knows. */
  const PROBES: readonly (readonly [part: string, text: string])[] = [
    ['The rules file', 'server: { zzzzzzzzzz: 1 }'],
    ['The rules file', 'time: { zzzzzzzzzz: 1 }'],
    ['The rules file', 'run: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'scope: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'patterns: { a: { zzzzzzzzzz: 1 } }'],
    ['The words of each part', 'moves: [{ zzzzzzzzzz: 1 }]'],
    ['The words of each part', 'moves: [{ from: { tag: a }, to: { zzzzzzzzzz: 1 } }]'],
    ['The words of each part', 'categories: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'categories: { clash: { zzzzzzzzzz: 1 } }'],
    ['The words of each part', 'categories: { list: [{ zzzzzzzzzz: 1 }] }'],
    ['The words of each part', 'dates: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'dates: { accept: { zzzzzzzzzz: 1 } }'],
    ['The words of each part', 'dates: { sources: [zzzzzzzzzz] }'],
    ['The words of each part', 'duplicates: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'duplicates: { carry: { zzzzzzzzzz: 1 } }'],
    ['The words of each part', 'duplicates: { conflict: { zzzzzzzzzz: 1 } }'],
    ['The words of each part', 'albums: [{ zzzzzzzzzz: 1 }]'],
    ['The words of each part', 'checks: [{ zzzzzzzzzz: 1 }]'],
    ['The words of each part', 'sharing: { zzzzzzzzzz: 1 }'],
    ['The words of each part', 'sharing: { list: [{ zzzzzzzzzz: 1 }] }'],
    ['The words of each part', 'sharing: { list: [{ albums: { zzzzzzzzzz: 1 } }] }'],
    ['The words of each part', 'moves: [{ mode: zzzzzzzzzz }]'],
    ['The words of each part', 'moves: [{ direction: zzzzzzzzzz }]'],
    ['The words of each part', 'duplicates: { carry: { tags: zzzzzzzzzz } }'],
    ['The words of each part', 'duplicates: { carry: { albums: zzzzzzzzzz } }'],
    ['The words of each part', 'sharing: { merge: zzzzzzzzzz }'],
    ['The words of each part', 'sharing: { unresolved: zzzzzzzzzz }'],
  ]
  for (const [title, text] of PROBES) {
    test(`tells under "${title}" each word that ${text} could have`, () => {
      const { problems } = read(`version: 1\n${text}`)
      const hints = problems.flatMap(({ message, hint }) => (message.includes('zzzzzzzzzz') ? [hint] : []))
      const known = hints.flatMap(
        (hint) => /^Known are (?<words>.*)\.$/u.exec(hint ?? '')?.groups?.['words']?.split(', ') ?? [],
      )
      assert.ok(known.length > 0, JSON.stringify(problems))
      const section = sections.get(title) ?? ''
      const missing = known.filter((word) => !new RegExp(`[\`{ .]${word}[\`: ]`, 'u').test(section))
      assert.deepEqual(missing, [])
    })
  }

  /** What the guide says of words that are left out. */
  const DEFAULTS: readonly (readonly [text: string, with_: string])[] = [
    ['scope: {}', 'scope: { visibility: [timeline, archive] }'],
    [
      'patterns: { a: { file: "/(?<d>\\\\d{8})/" } }',
      'patterns: { a: { file: "/(?<d>\\\\d{8})/", precision: day, zone: local } }',
    ],
    [
      'patterns: { a: { file: "/(?<d>\\\\d{8})_(?<t>\\\\d{6})/" } }',
      'patterns: { a: { file: "/(?<d>\\\\d{8})_(?<t>\\\\d{6})/", precision: second, zone: local } }',
    ],
    [
      'moves: [{ id: a, from: { tag: a }, to: { tag: b } }]',
      'moves: [{ id: a, from: { tag: a }, to: { tag: b }, mode: move, create: true }]',
    ],
    [
      'moves: [{ id: a, each: { tag: a }, sync: { album: A } }]',
      'moves: [{ id: a, each: { tag: a }, sync: { album: A }, direction: tag-to-album }]',
    ],
    ['categories: { list: [] }', 'categories: { exactly: one, list: [] }'],
    [
      'dates: {}',
      'dates: { sources: [exif, duplicates, patterns, folder], accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true } }',
    ],
    [
      'duplicates: {}',
      'duplicates: { carry: { tags: none, albums: none, favorite: none, rating: none, date: none }, to: each }',
    ],
    [
      'albums: [{ id: a, where: { city: Oslo }, into: A }]',
      'albums: [{ id: a, where: { city: Oslo }, into: A, depth: 0, follow-moves: false, holding: false, delete-empty: false }]',
    ],
    [
      'sharing: { groups: { a: [a@b.c] }, list: [{ id: a, albums: { word: x }, grant: { a: viewer } }] }',
      'sharing: { groups: { a: [a@b.c] }, unresolved: stop, merge: strongest, list: [{ id: a, albums: { word: x }, grant: { a: viewer }, exact: false }] }',
    ],
    ['run: {}', 'run: { nice: false, concurrency: auto, max-changes: 20% }'],
    ['server: {}', 'server: { read: auto }'],
  ]
  for (const [short, long] of DEFAULTS) {
    test(`means the same by ${short} as with its defaults`, () => {
      const [one, other] = [short, long].map((text) => read(`version: 1\ntime: { zone: UTC }\n${text}`))
      assert.deepEqual(one?.problems, [])
      assert.deepEqual(JSON.stringify(one?.rules), JSON.stringify(other?.rules))
      assert.ok(other?.rules !== undefined)
    })
  }
})
