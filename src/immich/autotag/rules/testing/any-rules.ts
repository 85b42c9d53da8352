/**
 * Rules files made by chance, as plain values: all words, all short forms, no errors.
 *
 * @module
 */

import fc from 'fast-check'

/** Texts that YAML would like to take for something else, too. */
const word = fc.oneof(
  fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9 _-]{0,8}[a-z]$/u),
  fc.constantFrom(
    'true',
    '2019',
    '007',
    'no',
    '1e3',
    'a: b',
    '# x',
    "it's",
    '"q"',
    '0x1f',
    'null-ish',
    '- x',
    '*',
  ),
)
const regex = fc.constantFrom('/^\\d{4}-\\d\\d/', '/(?<name>\\d+)/i', '/a|b/', '/^/mnt/', "/it's/")
const pattern = fc.oneof(
  word,
  regex,
  word.map((text) => `${text}*`),
)
const oneOrMore = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item | Item[]> =>
  fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 3 }))
const patterns = oneOrMore(pattern)
const tag = fc
  .array(fc.stringMatching(/^[a-z0-9_-]{1,6}$/u), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
const duration = fc
  .tuple(fc.integer({ min: 1, max: 400 }), fc.constantFrom('d', 'h', 'm'))
  .map((parts) => parts.join(''))
const dates = fc.constantFrom(
  '2019',
  '2019..2021',
  '2019-06-02..',
  '..2020-12',
  '2019-06-02T10:00..2019-06-03',
  2019,
)
const uuid = fc.uuid()
const email = fc.stringMatching(/^[a-z]{1,5}$/u).map((name) => `${name}@x.org`)

const CATEGORY_IDS: readonly string[] = ['scans', 'trips', 'memes']

const leaf: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  ...['tag', 'album', 'path', 'file', 'camera', 'city', 'state', 'country', 'description', 'people'].map(
    (name) => patterns.map((value) => ({ [name]: value })),
  ),
  fc.record({ place: fc.record({ city: patterns, country: patterns }, { requiredKeys: ['city'] }) }),
  fc.record({ people: fc.record({ only: patterns }) }),
  fc.record({
    link: oneOrMore(
      fc.oneof(
        uuid,
        uuid.map((id) => `https://x.org/photos/${id}`),
      ),
    ),
  }),
  fc.record({ type: oneOrMore(fc.constantFrom('image', 'video', 'audio', 'other')) }),
  fc.record({ visibility: oneOrMore(fc.constantFrom('timeline', 'archive', 'hidden', 'locked')) }),
  fc.record({ favorite: fc.boolean() }),
  fc.record({ duplicate: fc.boolean() }),
  fc.record({ rating: fc.constantFrom(5, '5', '>=3', '3..5', '<2', -1) }),
  fc.record({ taken: dates }),
  fc.record({ uploaded: dates }),
  fc.record({ category: oneOrMore(fc.constantFrom('none', 'several', ...CATEGORY_IDS)) }),
  fc.record({ 'album-date-differs': duration }),
)

/** A predicate as it is written. */
export const anyPredicate: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  predicate: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.tuple(leaf, leaf).map(([one, other]) => ({ ...one, ...other })),
    fc.record({ not: tie('predicate') }),
    fc.record({ all: fc.array(tie('predicate'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('predicate'), { minLength: 1, maxLength: 3 }) }),
    fc.array(tie('predicate'), { minLength: 1, maxLength: 2 }),
  ),
})).predicate

const template = fc.constantFrom(
  'Scans',
  '{taken:yyyy-MM-dd}',
  'x {place.city}',
  '{path[-1]}',
  '{{x}}',
  'Inbox {taken:yyyy}',
)
const album = fc.oneof(
  template,
  uuid.map((id) => ({ id })),
  template.map((name) => ({ name })),
)
const targets = fc.oneof(
  fc.record({ tag: oneOrMore(tag) }),
  fc.record({ album: oneOrMore(album) }),
  fc.record({ tag, album }),
)
const ensure = fc.record({ ensure: targets })

/** Items of a list of rules, some with ids of their own. */
const listOf = (name: string, rule: fc.Arbitrary<object>): fc.Arbitrary<unknown[]> =>
  fc
    .array(fc.tuple(rule, fc.boolean()), { maxLength: 3 })
    .map((rules) =>
      rules.map(([fields, hasId], index) => (hasId ? { id: `${name}${index}`, ...fields } : fields)),
    )

const some = <Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }): fc.Arbitrary<object> =>
  fc.record(fields, { requiredKeys: [] })

const move = fc
  .tuple(
    fc.record({ from: anyPredicate, to: targets }),
    some({ mode: fc.constantFrom('move', 'copy'), create: fc.boolean() }),
  )
  .map(([one, other]) => ({ ...one, ...other }))
const sync = fc.record({
  each: fc.record({ tag: patterns }),
  sync: fc.record({ album: fc.constantFrom('{tag.leaf}', 'x {tag}') }),
  direction: fc.constantFrom('both', 'tag-to-album', 'album-to-tag'),
})
const albumRule = fc
  .tuple(
    fc.record({ where: anyPredicate, into: template }),
    some({
      depth: fc.integer({ min: 0, max: 10 }),
      'follow-moves': fc.boolean(),
      several: ensure,
      'delete-empty': fc.boolean(),
    }),
    fc.oneof(fc.constant({}), fc.record({ holding: fc.constant(true), 'max-span': duration })),
  )
  .map(([one, other, holding]) => ({ ...one, ...other, ...holding }))

/** A whole file, without errors. */
export const anyRulesFile: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    moves: listOf('m', fc.oneof(move, sync)),
    albums: listOf('a', albumRule),
    checks: listOf('c', fc.record({ when: anyPredicate, ensure: targets })),
    categoryIs: fc.tuple(anyPredicate, anyPredicate, anyPredicate),
    unsorted: ensure,
    rest: some({
      server: some({
        url: fc.constant('https://x.org'),
        read: fc.constantFrom('auto', 'session', 'filter', 'albums'),
      }),
      scope: some({ visibility: oneOrMore(fc.constantFrom('timeline', 'archive')), where: anyPredicate }),
      dates: some({
        where: anyPredicate,
        sources: fc.constantFrom(
          ['exif'],
          ['exif', { patterns: ['p'] }, 'folder'],
          ['patterns', 'duplicates'],
        ),
        accept: some({
          only: fc.constantFrom('earlier', 'any'),
          by: duration,
          'better-precision': fc.boolean(),
        }),
        unsure: ensure,
      }),
      duplicates: some({
        carry: some({
          tags: fc.constantFrom('none', 'union', 'union-of-category'),
          rating: fc.constant('max'),
        }),
        to: fc.constantFrom('each', 'kept'),
        conflict: ensure,
      }),
      sharing: fc.record({
        groups: fc.record({ g: oneOrMore(email) }),
        merge: fc.constantFrom('strongest', 'last'),
        list: listOf(
          's',
          fc.record({
            albums: fc.record({ word: word.filter((text) => /^[a-z]+$/iu.test(text)) }),
            grant: fc.record({ g: fc.constantFrom('viewer', 'editor') }),
            exact: fc.boolean(),
          }),
        ),
      }),
      run: some({
        nice: fc.boolean(),
        concurrency: fc.constantFrom('auto', 4),
        'max-changes': fc.constantFrom('20%', 500, '0.5%'),
      }),
    }),
  })
  .map(({ moves, albums, checks, categoryIs, unsorted, rest }) => ({
    version: 1,
    time: { zone: 'Europe/Oslo' },
    patterns: { p: { file: '/(?<d>\\d{8})_(?<t>\\d{6})/', zone: 'utc' } },
    moves,
    albums,
    checks,
    categories: { unsorted, list: CATEGORY_IDS.map((id, index) => ({ id, is: categoryIs[index] })) },
    ...rest,
  }))
