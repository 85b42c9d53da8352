import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Key, keysOf } from './terminal.ts'

describe('keysOf', () => {
  const cases: { fact: string; text: string; keys: Key[] }[] = [
    { fact: 'letters', text: 'qp', keys: ['quit', 'toggle'] },
    { fact: 'arrows, in both ways that terminals send them', text: '\u001B[A\u001BOB', keys: ['up', 'down'] },
    { fact: 'Ctrl-C is a key in raw mode', text: '\u0003', keys: ['interrupt'] },
    {
      fact: 'unknown keys mean nothing, whatever letters they are sent as',
      text: 'x\u001B[1;5p\u001B[5~é',
      keys: [],
    },
    { fact: 'a lone escape does not eat what follows', text: '\u001Bq', keys: ['quit'] },
    { fact: 'nothing', text: '', keys: [] },
    { fact: 'names of object properties are no keys', text: 'constructor', keys: [] },
  ]
  for (const { fact, text, keys } of cases) test(fact, () => assert.deepEqual(keysOf(text), keys))
})
