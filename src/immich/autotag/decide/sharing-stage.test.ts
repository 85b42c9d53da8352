import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AlbumMember } from '../snapshot.ts'
import { wordsOf } from './sharing-stage.ts'
import { type TestLibrary, userOf } from './testing/library.ts'
import { factsOf, planOf, shown } from './testing/plan-of.ts'

function sharing(list: string, more = ''): string {
  return `sharing:\n  groups: { cousins: [ ada@x.org ], friends: [ bo@x.org ] }\n${more}  list:\n${list}`
}

const EXACT = '    - { id: r, albums: { word: reunion }, grant: { cousins: viewer }, exact: true }\n'

function album(...members: readonly AlbumMember[]): TestLibrary {
  return { users: ['ada', 'bo', 'eve'].map(userOf), albums: [{ name: 'Reunion', members }] }
}

describe('sharing', () => {
  test('a word of a name is a whole word of it', () => {
    assert.deepEqual(wordsOf('Lake_House-Reunion 2024'), ['lake', 'house', 'reunion', '2024'])
    const library: TestLibrary = { users: [userOf('ada')], albums: [{ name: 'Reunions' }] }
    assert.deepEqual(planOf(library, sharing(EXACT)).steps, [])
  })

  test('a user who was invited and left is not invited again', () => {
    const facts = factsOf({
      'album Reunion': [{ kind: 'share', value: 'ada', role: 'viewer', rule: 'sharing/r' }],
    })
    const plan = planOf(album(), sharing(EXACT), facts)
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.overrides.map(({ says, subjectId }) => [says, subjectId]),
      [['user changed ada@x.org in album "Reunion"', 'album Reunion']],
    )
  })

  test('a user whom we removed and somebody invited again stays', () => {
    const facts = factsOf({
      'album Reunion': [{ kind: 'share', value: 'eve', role: null, rule: 'sharing/r' }],
    })
    const members = [
      { userId: 'ada', role: 'viewer' },
      { userId: 'eve', role: 'viewer' },
    ] as const
    const plan = planOf(album(...members), sharing(EXACT), facts)
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.overrides.map(({ says }) => says),
      ['user invited eve@x.org to album "Reunion"'],
    )
  })

  test('without exact nobody is removed', () => {
    const rules = sharing(EXACT.replace('true', 'false'))
    assert.deepEqual(shown(planOf(album({ userId: 'eve', role: 'editor' }), rules)), [
      'share.add Reunion: ada@x.org',
    ])
  })

  test('merge: last lets the last rule decide', () => {
    const list = `${EXACT.replace('viewer', 'editor')}    - { id: s, albums: { word: reunion }, grant: { cousins: viewer } }\n`
    const plan = planOf(album(), sharing(list, '  merge: last\n'))
    assert.deepEqual(
      plan.steps.map((step) => ('role' in step ? step.role : step.op)),
      ['viewer'],
    )
  })

  test('an album that the plan makes is shared with it; one of others is not', () => {
    const library: TestLibrary = {
      users: [userOf('ada')],
      assets: [{ id: 'a', tags: ['x'] }],
      albums: [{ name: 'Old reunion', isOwned: false, members: [{ userId: 'me', role: 'editor' }] }],
    }
    const yaml = `moves: [ { id: m, from: { tag: x }, to: { album: New reunion }, mode: copy, create: true } ]\n${sharing(EXACT)}`
    const plan = planOf(library, yaml)
    assert.deepEqual(shown(plan), ['album.create New reunion: a', 'share.add New reunion: ada@x.org'])
    assert.deepEqual(
      plan.remarks.map(({ says }) => says),
      ['1 album belongs to others, who share it'],
    )
  })
})
