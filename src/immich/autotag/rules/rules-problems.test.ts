import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { problemsOf, read } from './testing/reading.ts'

describe('problems', () => {
  const cases: {
    fact: string
    text: string
    at: readonly [line: number, column: number]
    where: string
    says: RegExp
    hint?: RegExp
  }[] = [
    {
      fact: 'an unknown word has the nearest one',
      text: 'checks:\n  - {when: {tga: x}, ensure: {tag: y}}',
      at: [3, 13],
      where: 'checks[0].when.tga',
      says: /"tga" is unknown/u,
      hint: /Did you mean tag\?/u,
    },
    {
      fact: 'an unknown block too',
      text: 'chekcs: []',
      at: [2, 1],
      where: 'chekcs',
      says: /"chekcs"/u,
      hint: /checks/u,
    },
    {
      fact: 'a bad regex has the column of what is wrong',
      text: "scope: {where: {path: '/ab(?=c)/'}}",
      at: [2, 27],
      where: 'scope.where.path',
      says: /regex is not valid/u,
      hint: /look-ahead/u,
    },
    {
      fact: 'a regex in a list too',
      text: 'scope:\n  where:\n    path:\n      - ok\n      - /a[z-a]/',
      at: [6, 12],
      where: 'scope.where.path[1]',
      says: /z-a/u,
    },
    {
      fact: 'a bad name has the column of its gap',
      text: 'albums: [{where: {tag: a}, into: "x {tkaen:yyyy}"}]',
      at: [2, 37],
      where: 'albums[0].into',
      says: /unknown word \{tkaen:yyyy\}/u,
    },
    {
      fact: 'a duplicate key',
      text: 'time: {zone: UTC}\ntime: {zone: UTC}',
      at: [3, 1],
      where: 'time',
      says: /there already/u,
    },
    { fact: 'a tab', text: 'run:\n\tnice: true', at: [3, 1], where: '', says: /tabs are not allowed/u },
    {
      fact: 'a second document',
      text: 'run: {nice: true}\n---\nrun: {}',
      at: [3, 1],
      where: '',
      says: /more than one document/u,
    },
    {
      fact: 'a brace that is not closed',
      text: 'run: {nice: true',
      at: [2, 17],
      where: '',
      says: /not valid YAML/u,
    },
    {
      fact: 'a word without a value',
      text: 'scope:\n  where:\n',
      at: [3, 3],
      where: 'scope.where',
      says: /where has no value/u,
    },
    {
      fact: 'an empty condition',
      text: 'scope: {where: {}}',
      at: [2, 16],
      where: 'scope.where',
      says: /condition is empty/u,
    },
    {
      fact: 'an empty list',
      text: 'scope: {where: {any: []}}',
      at: [2, 22],
      where: 'scope.where.any',
      says: /empty/u,
    },
    {
      fact: 'a duration without a unit',
      text: 'checks: [{when: {album-date-differs: 180}, ensure: {tag: y}}]',
      at: [2, 38],
      where: 'checks[0].when.album-date-differs',
      says: /"180" is no duration/u,
      hint: /180d/u,
    },
    {
      fact: 'a limit of more than all',
      text: 'run: {max-changes: 120%}',
      at: [2, 20],
      where: 'run.max-changes',
      says: /no limit/u,
    },
    {
      fact: 'a rating out of range',
      text: 'scope: {where: {rating: 7}}',
      at: [2, 25],
      where: 'scope.where.rating',
      says: /no rating/u,
    },
    {
      fact: 'a range that ends before it begins',
      text: 'scope: {where: {taken: 2021..2019}}',
      at: [2, 24],
      where: 'scope.where.taken',
      says: /ends before/u,
    },
    {
      fact: 'a day that is none',
      text: 'scope: {where: {taken: 2021-02-30}}',
      at: [2, 24],
      where: 'scope.where.taken',
      says: /no range of dates/u,
    },
    {
      fact: 'a zone that is none',
      text: 'time: {zone: Europe/Olso}',
      at: [2, 14],
      where: 'time.zone',
      says: /"Europe\/Olso" is unknown/u,
    },
    {
      fact: 'a tag that cannot be set',
      text: 'checks: [{when: {tag: a}, ensure: {tag: "a/*"}}]',
      at: [2, 41],
      where: 'checks[0].ensure.tag',
      says: /cannot be set/u,
    },
    {
      fact: 'an ensure without anything',
      text: 'checks: [{when: {tag: a}, ensure: {}}]',
      at: [2, 35],
      where: 'checks[0].ensure',
      says: /neither a tag nor an album/u,
    },
    {
      fact: 'two rules of one id',
      text: 'checks:\n  - {id: a, when: {tag: a}, ensure: {tag: b}}\n  - {id: a, when: {tag: c}, ensure: {tag: d}}',
      at: [4, 5],
      where: 'checks[1]',
      says: /id a is there already/u,
    },
    {
      fact: 'an id with other letters',
      text: 'checks: [{id: My Check, when: {tag: a}, ensure: {tag: b}}]',
      at: [2, 15],
      where: 'checks[0].id',
      says: /other characters/u,
    },
    {
      fact: 'a category that nobody defines',
      text: 'categories: {list: [{id: memes, is: {tag: m}}]}\nchecks: [{when: {category: meems}, ensure: {tag: b}}]',
      at: [3, 28],
      where: 'checks[0].when.category',
      says: /"meems" is unknown/u,
      hint: /memes/u,
    },
    {
      fact: 'a pattern that nobody defines',
      text: "patterns: {whatsapp: {file: '/(?<d>x)/'}}\ntime: {zone: UTC}\ndates: {sources: [patterns: [whatsap]]}",
      at: [4, 30],
      where: 'dates.sources[0].patterns[0]',
      says: /"whatsap"/u,
      hint: /whatsapp/u,
    },
    {
      fact: 'a group that nobody defines',
      text: 'sharing: {groups: {cousins: [a@x.org]}, list: [{albums: {word: x}, grant: {cousin: viewer}}]}',
      at: [2, 76],
      where: 'sharing.list[0].grant.cousin',
      says: /"cousin" is unknown/u,
      hint: /cousins/u,
    },
    {
      fact: 'the role admin, which Immich has not (fault 14)',
      text: 'sharing: {groups: {g: [a@x.org]}, list: [{albums: {word: x}, grant: {g: admin}}]}',
      at: [2, 73],
      where: 'sharing.list[0].grant.g',
      says: /"admin" is no role/u,
      hint: /viewer and editor/u,
    },
    {
      fact: 'a word for albums that is two',
      text: 'sharing: {groups: {g: [a@x.org]}, list: [{albums: {word: a-b}, grant: {g: viewer}}]}',
      at: [2, 58],
      where: 'sharing.list[0].albums.word',
      says: /more than one word/u,
    },
    {
      fact: 'a link that names no asset',
      text: 'scope: {where: {link: "https://x.org/albums/1"}}',
      at: [2, 23],
      where: 'scope.where.link',
      says: /names no asset/u,
    },
    {
      fact: 'a move without a source',
      text: 'moves: [{to: {tag: a}}]',
      at: [2, 9],
      where: 'moves[0]',
      says: /from is missing/u,
    },
    {
      fact: 'a move that is also a sync',
      text: 'moves: [{each: {tag: a}, sync: {album: "{tag}"}, mode: copy}]',
      at: [2, 56],
      where: 'moves[0].mode',
      says: /does not go together/u,
    },
    {
      fact: 'an album for each group of duplicates',
      text: 'duplicates: {conflict: {ensure: {tag: a}, group-album: true}}',
      at: [2, 56],
      where: 'duplicates.conflict.group-album',
      says: /not made/u,
    },
    {
      fact: 'max-span without holding',
      text: 'albums: [{where: {tag: a}, into: x, max-span: 3d}]',
      at: [2, 47],
      where: 'albums[0].max-span',
      says: /holding albums/u,
    },
    {
      fact: 'an alias of nothing',
      text: 'scope: {where: *nobody}',
      at: [2, 16],
      where: 'scope.where',
      says: /alias/u,
    },
    {
      fact: 'a tag of YAML',
      text: 'scope: {where: !!python/object:x {tag: a}}',
      at: [2, 16],
      where: '',
      says: /tag/u,
    },
  ]
  for (const { fact, text, at, where, says, hint } of cases) {
    test(fact, () => {
      const problem = problemsOf(text).find(({ message }) => says.test(message))
      assert.ok(problem, JSON.stringify(problemsOf(text)))
      assert.deepEqual([problem.line, problem.column], at)
      assert.equal(problem.where, where)
      assert.equal(problem.severity, 'error')
      if (hint !== undefined) assert.match(problem.hint ?? '', hint)
      assert.equal(read(`version: 1\n${text}`).rules, undefined)
    })
  }

  test('all are told at once, in the order of the file', () => {
    const problems = problemsOf(
      'run: {nice: 3, journl: x}\ntime: {zone: Nowhere}\nchecks: [{when: {tga: 1}}]',
    )
    assert.deepEqual(
      problems.map(({ line }) => line),
      [2, 2, 3, 4, 4],
    )
  })

  test('a version is needed, and an empty file is none', () => {
    assert.match(read('run: {nice: true}').problems[0]?.message ?? '', /version is missing/u)
    assert.match(read('').problems[0]?.message ?? '', /rules\.yaml is empty/u)
    assert.match(read('version: 2').problems[0]?.message ?? '', /whole number from 1 to 1/u)
    assert.match(read('- a').problems[0]?.message ?? '', /found a list/u)
  })

  test('no zone is a warning where dates are read from names', () => {
    const { rules, problems } = read("version: 1\npatterns: {p: {file: '/(?<d>x)/'}}")
    assert.equal(rules?.zone, 'UTC')
    assert.deepEqual(
      problems.map(({ severity }) => severity),
      ['warning'],
    )
  })
})
