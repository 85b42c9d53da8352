import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mask } from './config.ts'

describe('mask', () => {
  const cases: { fact: string; key: string; value: string; shown: string }[] = [
    { fact: 'a key of a server', key: 'immich-key', value: 'abc', shown: '********' },
    {
      fact: 'a password in a URL',
      key: 'redis-url',
      value: 'redis://me:pw@host:1/0',
      shown: 'redis://********@host:1/0',
    },
    {
      fact: 'a token alone in a URL',
      key: 'url',
      value: 'https://tok@host/a',
      shown: 'https://********@host/a',
    },
    { fact: 'an @ in a path is no secret', key: 'url', value: 'https://host/a@b', shown: 'https://host/a@b' },
    { fact: 'a name that only begins like one', key: 'keyboard', value: 'qwerty', shown: 'qwerty' },
  ]
  for (const { fact, key, value, shown } of cases) {
    test(fact, () => assert.equal(mask(key, value), shown))
  }
})
