import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { contentDisposition } from './content-disposition.ts'

describe('contentDisposition', () => {
  const cases: { rule: string; name: string; header: string }[] = [
    {
      rule: 'plain names are themselves',
      name: 'IMG_1.jpg',
      header: `inline; filename="IMG_1.jpg"; filename*=UTF-8''IMG_1.jpg`,
    },
    {
      rule: 'other letters are encoded, with something to read for those who cannot',
      name: 'Käse 1.jpg',
      header: `inline; filename="K_se 1.jpg"; filename*=UTF-8''K%C3%A4se%201.jpg`,
    },
    {
      rule: 'quotes do not end the name',
      name: 'a"; filename="b.exe',
      header: `inline; filename="a_; filename=_b.exe"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe`,
    },
    {
      rule: 'no line ends the header',
      name: 'a\r\nSet-Cookie: b',
      header: `inline; filename="a__Set-Cookie: b"; filename*=UTF-8''a__Set-Cookie%3A%20b`,
    },
    {
      rule: 'no name leaves the folder',
      name: '../../etc/passwd',
      header: `inline; filename=".._.._etc_passwd"; filename*=UTF-8''.._.._etc_passwd`,
    },
  ]
  for (const { rule, name, header } of cases) {
    test(rule, () => assert.equal(contentDisposition('inline', name), header))
  }

  test('any name makes a header that Node sends, and that gives the name back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const header = contentDisposition('attachment', name)
        assert.match(header, /^[ -~]*$/u)
        const encoded = /filename\*=UTF-8''(?<name>.*)$/u.exec(header)?.groups?.['name'] ?? ''
        assert.equal(
          decodeURIComponent(encoded),
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
          name.toWellFormed().replaceAll(/[\u0000-\u001F\u007F/\\]/gu, '_'),
        )
      }),
    )
  })
})
