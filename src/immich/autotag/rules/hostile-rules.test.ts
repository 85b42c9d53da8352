import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EXAMPLE } from './testing/example.ts'
import { good, read } from './testing/reading.ts'

/** Every mapping of the example gets a word that nobody knows. */
describe('an unknown word is a problem in every block', () => {
  const lines = EXAMPLE.split('\n')
  const braces = [...EXAMPLE.matchAll(/\{ (?=[a-z-]+:)/gu)].map(({ index }) => index)
  const blocks = lines.flatMap((line, index) => (/^ {0,4}(?:[a-z-]+:|- \{)/u.test(line) ? [index] : []))

  test('between braces', () => {
    assert.ok(braces.length > 50)
    for (const at of braces) {
      const text = `${EXAMPLE.slice(0, at + 1)} zzzzzz: 1,${EXAMPLE.slice(at + 1)}`
      const { rules, problems } = read(text)
      assert.equal(rules, undefined, text.slice(at - 20, at + 40))
      // Names of patterns, groups and whom to grant something are free.
      assert.ok(problems.length > 0)
    }
  })

  test('between lines', () => {
    assert.ok(blocks.length > 20)
    for (const index of blocks) {
      const indent = /^ */u.exec(lines[index] ?? '')?.[0] ?? ''
      if ((lines[index] ?? '').trimStart().startsWith('-')) continue
      const text = lines.toSpliced(index, 0, `${indent}zzzzzz: 1`).join('\n')
      assert.equal(read(text).rules, undefined, `line ${index + 1}`)
    }
  })
})

describe('hostile files', () => {
  const cases: { fact: string; text: string }[] = [
    { fact: 'a huge one', text: `version: 1\n# ${'x'.repeat(1_100_000)}` },
    { fact: 'brackets in brackets', text: '['.repeat(100_000) },
    { fact: 'dashes in dashes', text: '- '.repeat(50_000) },
    {
      fact: 'conditions in conditions',
      text: `version: 1\nscope: {where: ${'{not: '.repeat(100)}{tag: a}${'}'.repeat(100)}}`,
    },
    {
      fact: 'aliases of aliases',
      text: `version: 1\nscope: {where: {any: [&a {tag: [a, b, c]}, ${Array.from({ length: 20 }, (_, index) => `&${String.fromCharCode(98 + index)} {any: [${`*${String.fromCharCode(97 + index)}, `.repeat(8)}]}`).join(', ')}]}}`,
    },
    { fact: 'an alias in itself', text: 'version: 1\nscope: {where: &a {any: [*a]}}' },
    { fact: 'many aliases', text: `version: 1\nscope: {where: {any: [&a {tag: x}${', *a'.repeat(5000)}]}}` },
    {
      fact: 'very many unknown words',
      text: Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'),
    },
  ]
  for (const { fact, text } of cases) {
    test(`${fact}: an error, soon`, { timeout: 10_000 }, () => {
      const { rules, problems } = read(text)
      assert.equal(rules, undefined)
      assert.ok(problems.length > 0 && problems.length <= 200)
    })
  }

  test('an alias of a condition is read', () => {
    const rules = good(
      'version: 1\nscope: {where: &mine {tag: a}}\nchecks: [{when: *mine, ensure: {tag: b}}]',
    )
    assert.deepEqual(JSON.stringify(rules.checks[0]?.when), JSON.stringify(rules.scope.where))
  })

  test('garbage never throws and always has a problem with a place', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'version: 1\n',
        'scope:',
        'where: ',
        '{',
        '}',
        '[',
        ']',
        '\n  ',
        '- ',
        'tag: ',
        '&a ',
        '*a',
        '"',
        "'",
        '|\n',
        ': ',
        '!!x ',
        '%',
        '---\n',
        'albums:',
        'into: ',
        '/(/',
        ['$', '{X}'].join(''),
      ),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const { rules, problems } = read(pieces.join(''))
        assert.ok(rules !== undefined || problems.some(({ severity }) => severity === 'error'))
        for (const { line, column, message } of problems)
          assert.ok(line >= 1 && column >= 1 && message !== '')
      }),
      { numRuns: 300 },
    )
  })

  test('any value of JSON in any place never throws', () => {
    const blocks = fc.constantFrom(
      'server',
      'scope',
      'time',
      'patterns',
      'moves',
      'categories',
      'dates',
      'duplicates',
      'albums',
      'checks',
      'sharing',
      'run',
    )
    const words = fc.constantFrom(
      'tag',
      'where',
      'is',
      'list',
      'id',
      'ensure',
      'any',
      'not',
      'from',
      'to',
      'each',
      'sync',
      'album',
      'groups',
      'grant',
      'taken',
      'link',
      'people',
      'file',
    )
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.dictionary(words, fc.jsonValue(), { maxKeys: 5 }), { maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.dictionary(blocks, value), (file) => {
        const { rules, problems } = read(JSON.stringify({ version: 1, ...file }))
        assert.ok(rules !== undefined || problems.some(({ severity }) => severity === 'error'))
      }),
      { numRuns: 120 },
    )
  })
})
