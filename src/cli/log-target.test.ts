import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toSentence } from './log-target.ts'

describe('toSentence', () => {
  const cases: { fact: string; fields: object; sentence: string }[] = [
    {
      fact: 'words and numbers follow their names',
      fields: { lane: 'item', pid: 7 },
      sentence: 'warn: it ended (lane item, pid 7)',
    },
    { fact: 'nothing more to say is no bracket', fields: {}, sentence: 'warn: it ended' },
    {
      fact: 'a number has the digits that a person reads',
      fields: { durationMs: 54.427_314_000_000_024 },
      sentence: 'warn: it ended (durationMs 54.4)',
    },
    {
      fact: 'an error is its code and its words',
      fields: {
        error: { code: 'library/no-space', message: 'no room', hint: 'Free some.', recovery: 'discard' },
      },
      sentence: 'warn: it ended (error library/no-space: no room)',
    },
    {
      fact: 'anything else is JSON',
      fields: { ids: [1, 2], none: null },
      sentence: 'warn: it ended (ids [1,2], none null)',
    },
  ]
  for (const { fact, fields, sentence } of cases) {
    test(fact, () => {
      const line = JSON.stringify({
        time: '2026-01-01T00:00:00Z',
        level: 'warn',
        message: 'it ended',
        ...fields,
      })
      assert.equal(toSentence(line), sentence)
    })
  }
})
