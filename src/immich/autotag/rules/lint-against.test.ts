import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { snapshotOf } from '../decide/testing/library.ts'
import type { RulesProblem } from '../rules.ts'
import { lintAgainst } from './lint-against.ts'
import { readRules } from './read-rules.ts'

const UUID = '6b1f0000-1111-4222-8333-444455556666'

const SNAPSHOT = snapshotOf({
  assets: [
    {
      id: UUID,
      tags: ['trip/2019'],
      albums: ['Paper scans', '#one'],
      people: ['Ida'],
      fileName: 'IMG_20190602_101112.jpg',
    },
    { id: 'b', albums: ['#two'], place: { city: 'Bergen', state: undefined, country: 'Norway' } },
  ],
  albums: [{ name: 'Paper scans' }, { name: 'Twice', id: 'one' }, { name: 'Twice', id: 'two' }],
  users: [{ id: 'u', name: 'Ada', email: 'ada@x.org' }],
})

function lintText(text: string): readonly RulesProblem[] {
  const file = readRules(`version: 1\ntime: {zone: UTC}\n${text}`, { fileName: 'rules.yaml', env: {} })
  assert.ok(file.rules, JSON.stringify(file.problems))
  return lintAgainst(file.rules, SNAPSHOT, file.locate)
}

const when = (predicate: string): string => `checks: [{when: ${predicate}, ensure: {tag: auto/x}}]`

describe('lintAgainst', () => {
  const cases: {
    fact: string
    text: string
    says: RegExp
    severity: 'error' | 'warning'
    where: string
    hint?: RegExp
  }[] = [
    {
      fact: 'an album name that two albums have',
      text: 'moves: [{from: {tag: trip}, to: {album: Twice}}]',
      says: /2 albums are called "Twice", so moves\/move-1/u,
      severity: 'error',
      where: 'moves[0]',
      hint: /id/u,
    },
    {
      fact: 'the same of a rule for albums',
      text: 'albums: [{where: {tag: trip}, into: Twice}]',
      says: /2 albums are called "Twice"/u,
      severity: 'error',
      where: 'albums[0].into',
    },
    {
      fact: 'an album that a move may not make',
      text: 'moves: [{from: {tag: trip}, to: {album: Paper scan}, create: false}]',
      says: /"Paper scan" is not there/u,
      severity: 'warning',
      where: 'moves[0].to',
      hint: /Paper scans/u,
    },
    {
      fact: 'an album id that is not there',
      text: `moves: [{from: {tag: trip}, to: {album: {id: ${UUID}}}}]`,
      says: /is not in this library/u,
      severity: 'error',
      where: 'moves[0]',
    },
    {
      fact: 'a tag that is not there',
      text: when('{tag: trip/2018}'),
      says: /no tag "trip\/2018"/u,
      severity: 'warning',
      where: 'checks[0].when',
      hint: /Did you mean trip\/2019\?/u,
    },
    {
      fact: 'an album that is not there',
      text: when('{album: Papier scans}'),
      says: /no album "Papier scans"/u,
      severity: 'warning',
      where: 'checks[0].when',
      hint: /Paper scans/u,
    },
    {
      fact: 'a person that is not there',
      text: when('{people: Idaa}'),
      says: /no person "Idaa"/u,
      severity: 'warning',
      where: 'checks[0].when',
      hint: /Ida\?/u,
    },
    {
      fact: 'a city that is not there',
      text: when('{city: Bergn}'),
      says: /no city "Bergn"/u,
      severity: 'warning',
      where: 'checks[0].when',
      hint: /Bergen/u,
    },
    {
      fact: 'a pattern that matches nothing',
      text: when('{path: "*whatsapp*"}'),
      says: /path \*whatsapp\* matches nothing/u,
      severity: 'warning',
      where: 'checks[0].when',
    },
    {
      fact: 'a link to nothing',
      text: when(`{link: ${UUID.replace('6b', '7b')}}`),
      says: /7b1f.* is not in the library/u,
      severity: 'warning',
      where: 'checks[0].when',
    },
    {
      fact: 'a reader of names that reads none',
      text: "patterns: {whatsapp: {file: '/(?<d>\\d{8})-WA/'}}",
      says: /patterns\.whatsapp matches no file/u,
      severity: 'warning',
      where: 'patterns.whatsapp',
    },
    {
      fact: 'a sync of no tag',
      text: 'moves: [{each: {tag: "journey/*"}, sync: {album: "{tag}"}}]',
      says: /tag journey\/\* matches nothing/u,
      severity: 'warning',
      where: 'moves[0].each.tag',
    },
    {
      fact: 'an address with a typing error (fault 13)',
      text: 'sharing: {list: [{albums: {word: x}, grant: {add@x.org: viewer}}]}',
      says: /nobody .* add@x\.org/u,
      severity: 'error',
      where: 'sharing.list[0].grant',
      hint: /ada@x\.org/u,
    },
    {
      fact: 'the same, when it is to be skipped',
      text: 'sharing: {unresolved: skip, list: [{albums: {word: x}, grant: {add@x.org: viewer}}]}',
      says: /nobody/u,
      severity: 'warning',
      where: 'sharing.list[0].grant',
    },
  ]
  for (const { fact, text, says, severity, where, hint } of cases) {
    test(`sees ${fact}`, () => {
      const problem = lintText(text).find(({ message }) => says.test(message))
      assert.ok(problem, JSON.stringify(lintText(text)))
      assert.deepEqual([problem.severity, problem.where], [severity, where])
      if (hint !== undefined) assert.match(problem.hint ?? '', hint)
    })
  }

  test('says nothing of what is there, or will be made', () => {
    const text = `
patterns: {android: {file: '/(?<d>\\d{8})_(?<t>\\d{6})/'}}
moves: [{from: {tag: TRIP}, to: {tag: kind/scan, album: Brand new}}]
checks:
  - {when: {all: [{tag: kind}, {album: "paper *"}, {album: Brand new}, {tag: auto}]}, ensure: {tag: auto/x}}
  - {when: {people: ida, country: NORWAY, link: ${UUID}}, ensure: {tag: auto/y}}
sharing: {list: [{albums: {word: x}, grant: {Ada@x.org: viewer}}]}`
    assert.deepEqual(lintText(text), [])
  })
})
