import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { neutralize, pad, truncate, truncateStart, widthOf, wrap } from './text-width.ts'

describe('widthOf', () => {
  const cases: { fact: string; text: string; width: number }[] = [
    { fact: 'letters', text: 'Takeout', width: 7 },
    { fact: 'umlauts, composed or not', text: 'U\u0308ö', width: 2 },
    { fact: 'Chinese', text: '写真', width: 4 },
    { fact: 'Hangul', text: '사진', width: 4 },
    { fact: 'an emoji', text: '🏖', width: 1 },
    { fact: 'an emoji that is drawn as a picture', text: '😀', width: 2 },
    { fact: 'a family of joined emoji', text: '👨‍👩‍👧', width: 2 },
    { fact: 'a flag', text: '🇩🇪', width: 2 },
    { fact: 'a zero-width space', text: 'a\u200Bb', width: 2 },
    { fact: 'colours', text: '\u001B[31mred\u001B[39m', width: 3 },
  ]
  for (const { fact, text, width } of cases) {
    test(fact, () => assert.equal(widthOf(text), width))
  }
})

describe('truncate and pad', () => {
  test('marks what was cut', () => assert.equal(truncate('holiday', 5), 'holi…'))
  test('never cuts a wide character in half', () => assert.equal(truncate('写真写真', 6), '写真…'))
  test('leaves what fits as it is', () => assert.equal(truncate('写真', 4), '写真'))
  test('fills by cells, not by characters', () => assert.equal(pad('写', 4, 'right'), '  写'))
  test('the result always fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, columns) => {
        assert.ok(widthOf(truncate(neutralize(text), columns)) <= columns)
      }),
    )
  })
})

describe('neutralize', () => {
  test('shows escape sequences instead of obeying them', () => {
    assert.equal(neutralize('a\u001B[2Jb\r\nc\u0007\u007F\u009B'), 'a␛[2Jb␍␊c␇␡\uFFFD')
  })
  test('drops what turns the reading direction around', () => {
    assert.equal(neutralize('photo\u202Egpj.exe'), 'photogpj.exe')
  })
  test('keeps joined emoji whole', () => assert.equal(neutralize('👨‍👩‍👧'), '👨‍👩‍👧'))
  test('nothing that a terminal obeys is left', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(neutralize(text), /\p{Control}/u)
      }),
    )
  })
})

test('a path is cut at its start, so that the name of the file stays', () => {
  assert.equal(truncateStart('an album/日本.jpg', 9), '…日本.jpg')
  assert.equal(truncateStart('a.jpg', 5), 'a.jpg')
  assert.equal(truncateStart('a.jpg', 0), '')
})

test('a sentence is broken between words, and no word is lost', () => {
  assert.deepEqual(wrap('ab cd efghijkl m', 5), ['ab cd', 'efghijkl', 'm'])
  assert.deepEqual(wrap('ab cd', Number.POSITIVE_INFINITY), ['ab cd'])
})
