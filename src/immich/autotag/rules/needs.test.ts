import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SnapshotNeeds } from '../snapshot.ts'
import { needsOf } from './needs.ts'
import { readRules } from './read-rules.ts'

function needs(text: string): SnapshotNeeds {
  const { rules, problems } = readRules(`version: 1\ntime: {zone: UTC}\n${text}`, {
    fileName: 'rules.yaml',
    env: {},
  })
  assert.ok(rules, JSON.stringify(problems))
  return needsOf(rules)
}

const all = ['scan', 'kind', 'kind/scan', 'trip', 'trip/2019', 'trip/2019/lake', 'auto/x', 'other']

describe('needsOf', () => {
  const cases: { text: string; tags: readonly string[] }[] = [
    { text: 'run: {nice: true}', tags: [] },
    { text: 'scope: {where: {not: {tag: SCAN}}}', tags: ['scan'] },
    { text: 'scope: {where: {tag: trip}}', tags: ['trip', 'trip/2019', 'trip/2019/lake'] },
    { text: 'scope: {where: {tag: "trip/*"}}', tags: ['trip/2019', 'trip/2019/lake'] },
    { text: "scope: {where: {tag: '/^kind$/'}}", tags: ['kind', 'kind/scan'] },
    { text: 'checks: [{when: {favorite: true}, ensure: {tag: Auto/X}}]', tags: ['auto/x'] },
    { text: 'moves: [{from: {album: a}, to: {tag: other}}]', tags: ['other'] },
    {
      text: 'moves: [{each: {tag: "trip/????"}, sync: {album: "{tag}"}}]',
      tags: ['trip/2019', 'trip/2019/lake'],
    },
    {
      text: 'categories: {unsorted: {ensure: {tag: kind}}, list: [{is: {tag: scan}}]}',
      tags: ['scan', 'kind', 'kind/scan'],
    },
    { text: 'duplicates: {carry: {tags: union}}', tags: all },
    { text: 'duplicates: {conflict: {ensure: {tag: auto/x}}}', tags: ['auto/x'] },
  ]
  for (const { text, tags } of cases) {
    test(`of ${text}: ${tags.length} tags`, () => {
      const { isTagNeeded } = needs(text)
      assert.deepEqual(all.filter(isTagNeeded), tags)
    })
  }

  const flags: { text: string; flag: 'people' | 'albums' | 'duplicates' | 'users' }[] = [
    { text: 'scope: {where: {not: {any: [{people: Ida}]}}}', flag: 'people' },
    { text: 'scope: {where: {album: x}}', flag: 'albums' },
    { text: 'checks: [{when: {album-date-differs: 3d}, ensure: {tag: t}}]', flag: 'albums' },
    { text: 'checks: [{when: {favorite: true}, ensure: {album: t}}]', flag: 'albums' },
    { text: 'moves: [{each: {tag: "t/*"}, sync: {album: "{tag}"}}]', flag: 'albums' },
    { text: 'scope: {where: {duplicate: true}}', flag: 'duplicates' },
    { text: 'dates: {sources: [exif, duplicates]}', flag: 'duplicates' },
    {
      text: 'sharing: {groups: {g: [a@x.org]}, list: [{albums: {word: x}, grant: {g: viewer}}]}',
      flag: 'users',
    },
  ]
  for (const { text, flag } of flags) {
    test(`of ${text}: ${flag} alone`, () => {
      const found = needs(text)
      const wanted = (['people', 'albums', 'duplicates', 'users'] as const).filter((name) => found[name])
      assert.deepEqual(wanted, [flag])
    })
  }

  test('archived assets are asked for unless the rules say otherwise (fault 20)', () => {
    assert.deepEqual(needs('run: {nice: true}').visibilities, ['timeline', 'archive'])
    assert.deepEqual(needs('scope: {visibility: [hidden, hidden]}').visibilities, ['hidden'])
  })
})
