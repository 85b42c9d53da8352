import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { problemLine } from './problem-line.ts'

describe('problemLine', () => {
  const cases: { fact: string; message: string; line: string }[] = [
    { fact: 'puts the path before the reason', message: 'is empty', line: '  a/b.jpg: is empty' },
    { fact: 'does not say a path twice', message: 'a/b.jpg is empty', line: '  a/b.jpg: is empty' },
    {
      fact: 'nor with a colon behind it',
      message: 'a/b.jpg: it is damaged',
      line: '  a/b.jpg: it is damaged',
    },
    {
      fact: 'leaves a longer path alone',
      message: 'a/b.jpg2 is empty',
      line: '  a/b.jpg: a/b.jpg2 is empty',
    },
  ]
  for (const { fact, message, line } of cases) {
    test(fact, () => {
      assert.deepEqual(problemLine({ path: 'a/b.jpg', code: 'x', message }, 80), [line])
    })
  }

  test('has no path where there is none', () => {
    assert.deepEqual(problemLine({ code: 'x', message: 'archive is empty' }, 80), ['  archive is empty'])
  })

  test('lets no terminal sequence through', () => {
    assert.deepEqual(problemLine({ path: '\u001B[2Ja', code: 'x', message: 'b\u001B]0;c\u0007' }, 80), [
      '  ␛[2Ja: b␛]0;c␇',
    ])
  })
})
