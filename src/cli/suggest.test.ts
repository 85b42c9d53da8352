import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { didYouMean, findNearest } from './suggest.ts'

describe('findNearest', () => {
  const known = ['workers', 'parallel-exports', 'processor', 'zone']
  const cases: { fact: string; word: string; nearest: string | undefined }[] = [
    { fact: 'a letter is missing', word: 'paralel-exports', nearest: 'parallel-exports' },
    { fact: 'two letters are swapped', word: 'wrokers', nearest: 'workers' },
    { fact: 'the case differs', word: 'ZONE', nearest: 'zone' },
    { fact: 'nothing is near', word: 'immich', nearest: undefined },
    { fact: 'a short word is not near to everything', word: 'x', nearest: undefined },
  ]
  for (const { fact, word, nearest } of cases) {
    test(fact, () => assert.equal(findNearest(word, known), nearest))
  }

  test('says nothing when nothing is near', () => assert.equal(didYouMean('immich', known), ''))
})
