import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { featuresOf } from './features.ts'
import { readRules } from './rules/read-rules.ts'

function featuresOfText(text: string): readonly string[] {
  const { rules, problems } = readRules(`version: 1\ntime: { zone: UTC }\n${text}`, {
    fileName: 'autotag.yaml',
    env: {},
  })
  assert.deepEqual(problems, [])
  assert.ok(rules !== undefined)
  return featuresOf(rules).filter((feature) => feature !== 'autotag-read')
}

/** Rules, and what they need beyond reading. */
const CASES: readonly (readonly [says: string, text: string, features: readonly string[]])[] = [
  ['rules that change nothing', 'scope: { visibility: timeline }', []],
  ['a category alone', 'categories: { list: [{ id: a, is: { tag: a } }] }', []],
  ['a tag', 'checks: [{ id: a, when: { city: Oslo }, ensure: { tag: a } }]', ['autotag-tags']],
  ['an album', 'checks: [{ id: a, when: { city: Oslo }, ensure: { album: A } }]', ['autotag-albums']],
  ['an album rule', 'albums: [{ id: a, where: { city: Oslo }, into: A }]', ['autotag-albums']],
  [
    'what several folders ensure',
    "albums: [{ id: a, where: { path: '/x/' }, into: A, several: { ensure: { tag: b } } }]",
    ['autotag-tags', 'autotag-albums'],
  ],
  ['dates', 'dates: { sources: [exif] }', ['autotag-dates']],
  ['dates of duplicates', 'dates: { sources: [duplicates] }', ['autotag-duplicates', 'autotag-dates']],
  [
    'a test for duplicates',
    'checks: [{ id: a, when: { duplicate: true }, ensure: { tag: a } }]',
    ['autotag-duplicates', 'autotag-tags'],
  ],
  ['duplicates that carry nothing', 'duplicates: { to: each }', ['autotag-duplicates']],
  ...(['favorite: any', 'rating: max', 'date: most-precise'] as const).map(
    (word) =>
      [
        `duplicates that carry ${word}`,
        `duplicates: { carry: { ${word} } }`,
        ['autotag-duplicates', 'autotag-dates'],
      ] as const,
  ),
  [
    'duplicates that carry tags',
    'duplicates: { carry: { tags: union } }',
    ['autotag-duplicates', 'autotag-tags'],
  ],
  [
    'duplicates that carry albums',
    'duplicates: { carry: { albums: all } }',
    ['autotag-duplicates', 'autotag-albums'],
  ],
  ['a copy to a tag', 'moves: [{ id: a, from: { album: A }, to: { tag: b }, mode: copy }]', ['autotag-tags']],
  [
    'a move out of an album',
    'moves: [{ id: a, from: { album: A }, to: { tag: b } }]',
    ['autotag-tags', 'autotag-albums'],
  ],
  [
    'a move that names an album under not',
    'moves: [{ id: a, from: { tag: b, not: { album: A } }, to: { tag: c } }]',
    ['autotag-tags'],
  ],
  [
    'a move of a tag into an album',
    'moves: [{ id: a, from: { tag: b }, to: { album: A } }]',
    ['autotag-tags', 'autotag-albums'],
  ],
  ...(
    [
      ['tag-to-album', ['autotag-albums']],
      ['album-to-tag', ['autotag-tags']],
      ['both', ['autotag-tags', 'autotag-albums']],
    ] as const
  ).map(
    ([direction, features]) =>
      [
        `a sync ${direction}`,
        `moves: [{ id: a, each: { tag: "t/*" }, sync: { album: "{tag.leaf}" }, direction: ${direction} }]`,
        features,
      ] as const,
  ),
  [
    'sharing',
    'sharing: { list: [{ id: a, albums: { name: A }, grant: { "a@example.org": viewer } }] }',
    ['autotag-sharing'],
  ],
  ['sharing without a rule', 'sharing: { unresolved: stop }', []],
]

describe('featuresOf', () => {
  for (const [says, text, features] of CASES) {
    test(`needs ${features.join(' and ') || 'only to read'} for ${says}`, () => {
      assert.deepEqual(featuresOfText(text), features)
    })
  }
})
