import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import type { Rules } from '../rules.ts'
import { importAutotagConfig } from './import-config.ts'
import { NoConfigError } from './old-config.ts'
import { readRules } from './read-rules.ts'

/** The example of the specification, with a link that names an asset. */
const EXAMPLE = String.raw`
server: {host: photos.lan, port: 2283, api_key: k-123-secret}
enable_album_name_strip: true
skip: {skip_n: 0, resume_previous: false, max_items: 5000}
filters: {filter_in: [{asset_links: ["http://photos.lan:2283/photos/6b1f0000-1111-4222-8333-444455556666"]}], filter_out: [{tag_names: [secret]}]}
conversions:
  enabled: true
  conversions:
    - {mode: copy, source: {tag_names: [scan]}, destination: {album_names: ["Paper {scans}"]}}
classification:
  rules:
    - {description: Scans on paper, tag_names: [scan], album_name_patterns: ['^Paper scans$']}
    - {description: trips, album_name_patterns: ['^\d{4}-\d\d']}
  autotag_unknown: todo_unsorted
  autotag_conflict: todo_two_homes
duplicate_processing: {date_correction: {enabled: true, extraction_timezone: Europe/Oslo}}
album_date_consistency: {enabled: true, threshold_days: 30}
album_detection_from_folders: {enabled: true, excluded_paths: [telegram]}
create_album_from_date_if_missing: true
album_permissions:
  enabled: true
  user_groups: [{name: cousins, members: [ada@x.org]}]
  selection_rules: [{name: cousins see reunions, keyword: reunion, groups: [cousins], access: edit}]
performance: {enable_type_checking: false, fail_fast_on_asset_errors: false}
`

function rulesOf(yaml: string): Rules {
  const { rules, problems } = readRules(yaml, { fileName: 'rules.yaml', env: { IMMICH_KEY: 'x' } })
  assert.ok(rules, `${JSON.stringify(problems)}\n${yaml}`)
  return rules
}

/** Reads a config and gives the blocks of the rules file. */
function convert(config: unknown): { readonly blocks: ReturnType<typeof parse>; readonly remarks: string } {
  const { yaml, remarks } = importAutotagConfig(typeof config === 'string' ? config : stringify(config))
  rulesOf(yaml)
  return { blocks: parse(yaml), remarks: remarks.join('\n') }
}

describe('the example of the specification', () => {
  const { yaml, remarks } = importAutotagConfig(EXAMPLE)
  const blocks = parse(yaml)

  test('becomes rules that mean the same', () => {
    const rules = rulesOf(yaml)
    assert.equal(rules.server.url, 'http://photos.lan:2283')
    assert.equal(rules.zone, 'Europe/Oslo')
    assert.deepEqual(blocks.moves, [
      {
        id: 'move-1',
        from: { tag: ['scan', '*/scan'] },
        to: { album: 'Paper {{scans}}' },
        mode: 'copy',
        create: true,
      },
    ])
    assert.deepEqual(
      blocks.categories.list.map(({ id }: { id: string }) => id),
      ['scans-on-paper', 'trips'],
    )
    assert.deepEqual(blocks.categories.unsorted, { ensure: { tag: 'todo_unsorted' } })
    assert.deepEqual(blocks.categories.clash, { ensure: { tag: 'todo_two_homes' }, also: 'several-albums' })
    assert.deepEqual(
      blocks.albums.map(({ id, holding }: { id: string; holding?: boolean }) => [id, holding]),
      [
        ['folders', undefined],
        ['days', true],
      ],
    )
    assert.deepEqual(blocks.checks[0].when, { 'album-date-differs': '30d' })
    assert.deepEqual(blocks.sharing.list[0], {
      id: 'sharing-1',
      albums: { word: 'reunion' },
      grant: { cousins: 'editor' },
      exact: true,
    })
  })

  test('makes the filters work (fault 1), and says so', () => {
    assert.deepEqual(blocks.scope.where, {
      all: [
        { link: ['http://photos.lan:2283/photos/6b1f0000-1111-4222-8333-444455556666'] },
        { not: { tag: ['secret', '*/secret'] } },
      ],
    })
    assert.ok(remarks.some((text) => /^Filters count now/u.test(text)))
  })

  test('says what has no counterpart', () => {
    assert.ok(remarks.some((text) => /skip is not needed/u.test(text)))
    assert.ok(remarks.some((text) => /enable_album_name_strip did nothing/u.test(text)))
  })

  test('never has the key (fault 17)', () => {
    assert.ok(!`${yaml}${remarks.join('')}`.includes('k-123'))
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference to the environment, as it is written.
    assert.equal(blocks.server.key, '${IMMICH_KEY}')
  })

  test('keeps descriptions as comments', () =>
    assert.match(yaml, /# Scans on paper\n\s+- id: scans-on-paper/u))
})

describe('importAutotagConfig', () => {
  const base = { server: { host: 'h', port: 1, api_key: 'k' } }
  const category = (rule: object): object => ({ ...base, classification: { rules: [rule] } })

  test('understands the legacy tag of Python for the mode', () => {
    const text = `
conversions:
  conversions:
    - mode: !!python/object/apply:immich_autotag.config.models.ConversionMode
        - copy
      source: {tag_names: [a]}
      destination: {tag_names: [b]}
    - mode: !!python/name:ConversionMode.MOVE 'move'
      source: {tag_names: [c]}
      destination: {tag_names: [d]}`
    const { moves } = convert(text).blocks as { moves?: { mode: string }[] }
    assert.deepEqual(
      moves?.map(({ mode }) => mode),
      ['copy', 'move'],
    )
  })

  test('leaves out and names regexes that RE2 has not', () => {
    const { blocks, remarks } = convert(
      category({ tag_names: ['x'], album_name_patterns: ['^(?!old)', 'a{,3}\\Z', '(?P<y>\\d+)'] }),
    )
    assert.deepEqual(blocks.categories.list[0], {
      id: 'x',
      is: { any: [{ tag: ['x', '*/x'] }, { album: ['/^(?:a{0,3}\\z)/', '/^(?:(?P<y>\\d+))/'] }] },
    })
    assert.match(
      remarks,
      /classification\.rules\[0\], album_name_patterns: "\^\(\?!old\)" was left out: .*look-ahead/u,
    )
  })

  test('leaves out a rule of which nothing is left', () => {
    const { blocks, remarks } = convert(category({ asset_links: ['https://x.org/albums/1'] }))
    assert.equal(blocks.categories, undefined)
    assert.match(remarks, /nothing of it can be asked for/u)
  })

  test('says loudly when a filter is lost, for then all assets are meant', () => {
    const { remarks } = convert({ ...base, filters: { filter_in: [{ asset_links: ['?'] }] } })
    assert.match(remarks, /ALL assets are looked at/u)
  })

  test('a move that kept its source albums is remarked (fault 2)', () => {
    const conversions = [{ source: { album_name_patterns: ['a'] }, destination: { tag_names: ['b'] } }]
    assert.match(
      convert({ ...base, conversions: { conversions } }).remarks,
      /assets leave the source albums now/u,
    )
  })

  test('nobody loses access by a member that is no address (fault 13)', () => {
    const { blocks, remarks } = convert({
      ...base,
      album_permissions: {
        enabled: true,
        user_groups: [{ name: 'g@h', members: ['ada@x.org', 'bo'] }],
        selection_rules: [
          { keyword: 'x', groups: ['g@h'], access: 'admin' },
          { keyword: 'y', groups: ['nobody'] },
          { keyword: 'two words', groups: ['g@h'] },
        ],
      },
    })
    assert.deepEqual(blocks.sharing.list, [
      { id: 'sharing-1', albums: { word: 'x' }, grant: { 'g at h': 'viewer' }, exact: false },
    ])
    assert.match(remarks, /"bo" of group g@h is no address/u)
    assert.match(remarks, /removes nobody/u)
    assert.match(remarks, /no access "admin"/u)
  })

  test('what was switched off stays off', () => {
    const { blocks } = convert({
      ...base,
      conversions: {
        enabled: false,
        conversions: [{ source: { tag_names: ['a'] }, destination: { tag_names: ['b'] } }],
      },
      duplicate_processing: { date_correction: { enabled: false, extraction_timezone: 'Europe/Oslo' } },
      album_date_consistency: { enabled: false },
      album_permissions: { enabled: false, selection_rules: [{}] },
    })
    assert.deepEqual(Object.keys(blocks), ['version', 'server', 'scope', 'time', 'duplicates'])
  })

  const refused: { fact: string; text: string; says: RegExp }[] = [
    {
      fact: 'a config.py',
      text: 'from immich_autotag.config.models import UserConfig\nuser_config = UserConfig()\n',
      says: /config\.py is a program/u,
    },
    { fact: 'something else', text: 'a: 1', says: /no block/u },
    { fact: 'an empty file', text: '', says: /no block/u },
    { fact: 'what is no YAML', text: 'server: {', says: /not valid in line 1/u },
    {
      fact: 'a bomb of aliases',
      text: `server: &a [x, x]\nskip: &b [${'*a, '.repeat(60)}]\nfilters: [${'*b, '.repeat(60)}]`,
      says: /aliases/u,
    },
  ]
  for (const { fact, text, says } of refused) {
    test(`refuses ${fact}`, () => {
      assert.throws(
        () => importAutotagConfig(text),
        (error) => error instanceof NoConfigError && says.test(error.message),
      )
    })
  }
})

const texts = fc.array(
  fc.oneof(
    fc.string(),
    fc.constantFrom('scan', '^\\d{4}', '(?=a)', 'a/b', '{x}', '*', '/x/', 'ada@x.org', '#1'),
  ),
  { maxLength: 3 },
)
const oldRule = fc.record(
  {
    description: fc.string(),
    tag_names: texts,
    album_name_patterns: texts,
    asset_links: fc.array(fc.oneof(fc.uuid(), fc.string()), { maxLength: 2 }),
  },
  { requiredKeys: [] },
)
const anyConfig = fc.record(
  {
    server: fc.record({
      host: fc.oneof(fc.string(), fc.constant('photos.lan')),
      port: fc.nat(70_000),
      api_key: fc.constant('key-0123456789abcdef'),
    }),
    enable_album_name_strip: fc.boolean(),
    skip: fc.record({ skip_n: fc.nat(), max_items: fc.option(fc.nat()) }),
    filters: fc.record({
      filter_in: fc.array(oldRule, { maxLength: 2 }),
      filter_out: fc.array(oldRule, { maxLength: 2 }),
    }),
    conversions: fc.record({
      conversions: fc.array(
        fc.record({
          source: oldRule,
          destination: fc.record({ album_names: texts, tag_names: texts }),
          mode: fc.constantFrom('move', 'copy'),
          description: fc.string(),
        }),
        { maxLength: 3 },
      ),
    }),
    classification: fc.record({ rules: fc.array(oldRule, { maxLength: 4 }), autotag_unknown: fc.string() }),
    duplicate_processing: fc.record({
      autotag_album_conflict: fc.string(),
      date_correction: fc.record({
        enabled: fc.boolean(),
        extraction_timezone: fc.constantFrom('Europe/Oslo', 'Nowhere'),
      }),
    }),
    album_date_consistency: fc.record({
      enabled: fc.boolean(),
      threshold_days: fc.oneof(fc.nat(), fc.string()),
    }),
    album_detection_from_folders: fc.record({ enabled: fc.boolean(), excluded_paths: texts }),
    create_album_from_date_if_missing: fc.boolean(),
    album_permissions: fc.record({
      enabled: fc.boolean(),
      user_groups: fc.array(fc.record({ name: fc.string(), members: texts }), { maxLength: 3 }),
      selection_rules: fc.array(
        fc.record({ keyword: fc.string(), groups: texts, access: fc.constantFrom('view', 'edit', 'admin') }),
        { maxLength: 3 },
      ),
    }),
    performance: fc.jsonValue(),
  },
  { requiredKeys: ['server'] },
)

describe('any config', () => {
  test('becomes rules without errors, and never has the key', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const { yaml, remarks } = importAutotagConfig(JSON.stringify(config))
        rulesOf(yaml)
        assert.ok(!`${yaml}${remarks.join('')}`.includes('key-0123456789abcdef'))
      }),
      { numRuns: 100 },
    )
  })

  test('garbage in its blocks is refused or becomes rules', () => {
    const keys = [
      'server',
      'filters',
      'conversions',
      'classification',
      'duplicate_processing',
      'album_permissions',
      'album_date_consistency',
      'other',
    ]
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (config) => {
        try {
          rulesOf(importAutotagConfig(JSON.stringify(config)).yaml)
        } catch (error) {
          assert.ok(error instanceof NoConfigError, String(error))
        }
      }),
      { numRuns: 80 },
    )
  })
})
