import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { numberedStems, shortStems } from './thumbnail-stems.ts'

describe('shortStems', () => {
  const cases: { label: string; stems: string[] }[] = [
    { label: 'IMG_1.jpg', stems: ['IMG_1', 'IMG_1.jpg'] },
    { label: '2024/07/IMG_1.heic', stems: ['2024/07/IMG_1', '2024/07/IMG_1.heic'] },
    { label: 'no extension', stems: ['no extension'] },
    { label: 'v1.2 of it.jpg', stems: ['v1.2 of it', 'v1.2 of it.jpg'] },
    { label: 'CON/aux.jpg', stems: ['_CON/_aux', '_CON/_aux.jpg'] },
    { label: '../../etc/passwd.jpg', stems: ['_/_/etc/passwd', '_/_/etc/passwd.jpg'] },
    { label: 'line\nfeed.jpg', stems: ['line_feed', 'line_feed.jpg'] },
  ]
  for (const { label, stems } of cases) {
    test(JSON.stringify(label), () => assert.deepEqual(shortStems(label), stems))
  }

  test('stay below the folder, and in names that every system takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (label) => {
        for (const stem of [...shortStems(label), ...numberedStems(label).slice(0, 2)]) {
          for (const segment of stem.split('/')) {
            assert.ok(!['', '.', '..'].includes(segment), stem)
            assert.ok(Buffer.byteLength(`${segment}-8192.webp`) <= 255)
            assert.doesNotMatch(segment, /[\p{Cc}\\:]/u)
          }
        }
      }),
    )
  })
})

test('numbered names differ from each other and from the short ones', () => {
  const all = [...shortStems('a/b.jpg'), ...numberedStems('a/b.jpg')]
  assert.equal(new Set(all).size, all.length)
  assert.equal(numberedStems('a/b.jpg')[0], 'a/b.jpg~2')
})
