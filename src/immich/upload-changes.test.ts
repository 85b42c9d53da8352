import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AssetChange, FoundWords } from './api.ts'
import type { Words } from './upload-asset.ts'
import { decideChange } from './upload-changes.ts'

const NOTHING: Words = { favourite: false, archived: false }
const BARE: FoundWords = { isFavourite: false, visibility: 'timeline', description: '' }

describe('decideChange', () => {
  const cases: {
    fact: string
    words?: Partial<Words>
    told?: Partial<Words>
    known?: Partial<FoundWords>
    change: AssetChange | undefined
  }[] = [
    { fact: 'says nothing where nothing is known', change: undefined },
    { fact: 'makes a favourite', words: { favourite: true }, change: { isFavourite: true } },
    {
      fact: 'does not repeat a favourite',
      words: { favourite: true },
      known: { isFavourite: true },
      change: undefined,
    },
    { fact: 'does not take a favourite away', known: { isFavourite: true }, change: undefined },
    {
      fact: 'does not insist on a favourite that the user took back',
      words: { favourite: true },
      told: { favourite: true },
      change: undefined,
    },
    { fact: 'archives', words: { archived: true }, change: { visibility: 'archive' } },
    {
      fact: 'leaves the locked folder alone',
      words: { archived: true },
      known: { visibility: 'locked' },
      change: undefined,
    },
    {
      fact: 'leaves hidden ones alone',
      words: { archived: true },
      known: { visibility: 'hidden' },
      change: undefined,
    },
    { fact: 'describes what has no description', words: { caption: 'Sea' }, change: { description: 'Sea' } },
    {
      fact: 'keeps a description',
      words: { caption: 'Sea' },
      known: { description: 'Lake' },
      change: undefined,
    },
    {
      fact: 'brings its own description up to date',
      words: { caption: 'Sea\nand sun' },
      told: { caption: 'Sea' },
      known: { description: 'Sea' },
      change: { description: 'Sea\nand sun' },
    },
    {
      fact: 'keeps a description that was changed on the server',
      words: { caption: 'Sea\nand sun' },
      told: { caption: 'Sea' },
      known: { description: 'Lake' },
      change: undefined,
    },
    { fact: 'rates what nobody has rated', words: { rating: 4 }, change: { rating: 4 } },
    { fact: 'keeps a rating', words: { rating: 4 }, known: { rating: 2 }, change: undefined },
    {
      fact: 'tells all in one change',
      words: { favourite: true, archived: true, caption: 'Sea', rating: 5 },
      change: { isFavourite: true, visibility: 'archive', rating: 5, description: 'Sea' },
    },
  ]
  for (const { fact, words, told, known, change } of cases) {
    test(fact, () => {
      const open = {
        words: { ...NOTHING, ...words },
        ...(told === undefined ? {} : { told: { ...NOTHING, ...told } }),
      }
      assert.deepEqual(decideChange(open, { words: { ...BARE, ...known } }), change)
    })
  }

  test('overwrites nothing that it cannot see', () => {
    const words = { favourite: true, archived: true, caption: 'Sea', rating: 5 }
    assert.deepEqual(decideChange({ words }, {}), { isFavourite: true })
  })
})
