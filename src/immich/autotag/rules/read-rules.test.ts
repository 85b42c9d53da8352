import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { anyRulesFile } from './testing/any-rules.ts'
import { EXAMPLE } from './testing/example.ts'
import { good, problemsOf, read } from './testing/reading.ts'

describe('the example of the issue', () => {
  const file = read(EXAMPLE)

  test('has no problem', () => assert.deepEqual(file.problems, []))

  test('means what it says', () => {
    const rules = good(EXAMPLE)
    assert.deepEqual(rules.server, {
      url: 'https://pics.example.org',
      key: 'k-secret-123',
      session: undefined,
      read: 'auto',
    })
    assert.deepEqual(
      rules.patterns.map(({ id, precision, zone }) => [id, precision, zone]),
      [
        ['android', 'second', 'local'],
        ['pixel', 'second', 'utc'],
        ['whatsapp', 'day', 'local'],
        ['wa-long', 'second', 'local'],
      ],
    )
    assert.deepEqual(
      rules.moves.map(({ kind, id }) => [kind, id]),
      [
        ['move', 'old-scan-tag'],
        ['sync', 'tag-to-album'],
      ],
    )
    assert.equal(rules.categories?.severalAlbumsClash, true)
    assert.deepEqual(rules.dates?.sources[2], {
      kind: 'patterns',
      ids: ['pixel', 'android', 'whatsapp', 'wa-long'],
    })
    assert.equal(rules.dates?.byMs, 26 * 3_600_000)
    assert.equal(rules.albums[1]?.maxSpanMs, 30 * 86_400_000)
    assert.deepEqual(rules.sharing?.list[0]?.grants, [
      { email: 'ada@x.org', role: 'editor' },
      { email: 'bo@x.org', role: 'editor' },
    ])
    assert.deepEqual(rules.run, {
      nice: false,
      concurrency: undefined,
      maxChanges: { kind: 'share', ofAssets: 0.2 },
      journal: '~/.local/state/sorter',
    })
  })

  test('several words of one condition must all hold', () => {
    const where = good(EXAMPLE).albums[0]?.where
    assert.equal(where?.kind, 'all')
    assert.deepEqual(where?.kind === 'all' && where.of.map(({ kind }) => kind), ['category', 'text', 'not'])
  })

  test('knows where each rule stands', () => {
    assert.deepEqual(file.locate('checks[1].when'), { line: 44, column: 33 })
    assert.deepEqual(file.locate('checks[1].when.nothing[3].of.that'), { line: 44, column: 33 })
    assert.deepEqual(file.locate('nothing'), { line: 1, column: 1 })
  })
})

describe('secrets', () => {
  test('a variable that is missing is an error, unless it may be', () => {
    const { problems } = read(EXAMPLE, {})
    assert.deepEqual(
      problems.map(({ where, message }) => [where, message]),
      [['server.key', 'the environment has no IMMICH_KEY']],
    )
  })

  test('a key in the file itself works and is warned of', () => {
    const { rules, problems } = read('version: 1\nserver: {key: k-literal-99}')
    assert.equal(rules?.server.key, 'k-literal-99')
    assert.equal(problems[0]?.severity, 'warning')
    assert.match(problems[0]?.hint ?? '', /\$\{IMMICH_KEY\}/u)
  })

  test('are in no problem, wherever they slipped to (fault 17)', () => {
    const key = 'k-secret-123'
    const texts = [
      `server: {key: ${key}}\nscope: {where: {${key}: x}}`,
      `server: {key: "\${IMMICH_KEY}"}\ntime: {zone: ${key}}`,
      `server: {key: ${key}, url: "ftp://${key}"}`,
      `server: {session: ${key}, read: ${key}}\nchecks: [{id: "${key}!"}]`,
    ]
    for (const text of texts) {
      const problems = problemsOf(text)
      assert.ok(problems.some(({ severity }) => severity === 'error'))
      assert.ok(!JSON.stringify(problems).includes(key), JSON.stringify(problems))
    }
  })

  test('an address with a password is refused without saying it', () => {
    const problems = problemsOf('server: {url: "https://ada:hunter22@x.org"}')
    assert.match(problems[0]?.message ?? '', /holds a password/u)
    assert.ok(!JSON.stringify(problems).includes('hunter22'))
  })
})

describe('the hash', () => {
  const hash = (text: string): string => good(text).hash

  test('is of 64 hexadecimal digits and does not mind comments, order and quotes', () => {
    const one = hash('version: 1\nscope: {where: {tag: "a", album: b}}')
    assert.match(one, /^[0-9a-f]{64}$/u)
    assert.equal(one, hash('# hello\nversion: 1\nscope:\n  where:\n    tag: a\n    album: [b]\n'))
  })

  test('does not mind the server and how it is run', () => {
    assert.equal(
      hash('version: 1\ntime: {zone: UTC}'),
      hash('version: 1\ntime: {zone: UTC}\nserver: {url: "https://x.org"}\nrun: {nice: true}'),
    )
  })

  test('minds everything else', () => {
    const texts = [
      'time: {zone: Europe/Oslo}',
      'scope: {where: {tag: a}}',
      'scope: {where: {tag: A}}',
      'scope: {where: {link: "6b1f0000-1111-4222-8333-444455556666"}}',
      'scope: {where: {link: "6b1f0000-1111-4222-8333-444455556667"}}',
      'scope: {where: {album: a}}',
      'scope: {visibility: archive}',
      'albums: [{where: {tag: a}, into: b}]',
      'albums: [{where: {tag: a}, into: c}]',
    ]
    const hashes = texts.map((text) => hash(`version: 1\n${text}`))
    assert.equal(new Set(hashes).size, texts.length)
  })
})

describe('any rules', () => {
  test('printed in several ways are read as the same, without an error', () => {
    fc.assert(
      fc.property(anyRulesFile, (file) => {
        const block = good(stringify(file))
        assert.equal(block.hash, good(JSON.stringify(file)).hash)
        const shuffled = Object.fromEntries(Object.entries(file).toReversed())
        assert.equal(block.hash, good(stringify(shuffled, { collectionStyle: 'flow', lineWidth: 60 })).hash)
      }),
      { numRuns: 40 },
    )
  })
})
