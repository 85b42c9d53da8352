import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestAsset, TestLibrary } from './testing/library.ts'
import { factsOf, planOf, shown } from './testing/plan-of.ts'

const RULES = `
categories: { exactly: one, list: [ { id: memes, is: { tag: meme } } ] }
albums: [ { id: inbox, where: { category: none }, into: "Inbox {taken:yyyy}", holding: true, max-span: 30d, delete-empty: true } ]
`

function on(day: string, more: Omit<TestAsset, 'id'> = {}): Omit<TestAsset, 'id'> {
  return { date: `${day}T12:00:00+00:00`, zone: 'UTC', ...more }
}

function library(...assets: readonly Omit<TestAsset, 'id'>[]): TestLibrary {
  return { assets: assets.map((one, index) => ({ ...one, id: String(index) })) }
}

describe('a holding album', () => {
  test('takes what lies close together', () => {
    assert.deepEqual(shown(planOf(library(on('2024-01-01'), on('2024-01-31')), RULES)), [
      'album.create Inbox 2024: 0 1',
    ])
  })

  test('takes nothing that lies too far apart, and says so once for all', () => {
    const plan = planOf(library(on('2024-01-01'), on('2024-02-02')), RULES)
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.remarks.map(({ kind, assetIds }) => [kind, assetIds]),
      [['span-too-long', ['0', '1']]],
    )
  })

  test('is taken apart when its assets lie too far apart, and deleted when we made it', () => {
    const held = { albums: ['Inbox 2024'] }
    const facts = factsOf({}, { 'album Inbox 2024': 'albums/inbox' })
    const plan = planOf(library(on('2024-01-01', held), on('2024-03-03', held)), RULES, facts)
    assert.deepEqual(shown(plan), ['album.remove Inbox 2024: 0 1', 'album.delete Inbox 2024: '])
  })

  test('has room again in the same plan when what kept it too long is sorted', () => {
    const plan = planOf(
      library(on('2024-01-01'), on('2024-03-03', { albums: ['Inbox 2024'], tags: ['meme'] })),
      RULES,
    )
    assert.deepEqual(shown(plan), ['album.add Inbox 2024: 0', 'album.remove Inbox 2024: 1'])
  })

  test('is left by what gets another date', () => {
    const plan = planOf(library(on('2023-01-01', { albums: ['Inbox 2024'] })), RULES)
    assert.deepEqual(shown(plan), ['album.create Inbox 2023: 0', 'album.remove Inbox 2024: 0'])
  })

  test('needs a date for its name: what has none is not put anywhere', () => {
    assert.deepEqual(planOf(library({}), RULES).steps, [])
  })
})
