import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cureOf } from './check.ts'

describe('what to do about a file of the library', () => {
  const cases = [
    {
      fact: 'that is gone: an ingest places it anew',
      cure: cureOf('missing', 'a/photos/x.jpg'),
      words: 'Ingest the export that it came from again: it is placed anew.',
    },
    {
      fact: 'that has changed: an ingest would leave it as it is',
      cure: cureOf('changed', 'a/photos/x.jpg'),
      words:
        'Unless you changed it yourself, move it away, and ingest the export that it came from again: it is placed anew.',
    },
    {
      fact: 'whose sidecar is gone: an ingest looks for the photo only',
      cure: cureOf('missing', 'a/photos/x.jpg.xmp'),
      words:
        'Move the file that it describes away, and ingest the export that it came from again: both are placed anew.',
    },
    {
      fact: 'whose sidecar has changed',
      cure: cureOf('changed', 'a/photos/x.jpg.xmp'),
      words:
        'Unless you changed it yourself, move it and the file that it describes away, and ingest the export that it came from again: both are placed anew.',
    },
  ]
  for (const { fact, cure, words } of cases) test(fact, () => assert.equal(cure, words))
})
