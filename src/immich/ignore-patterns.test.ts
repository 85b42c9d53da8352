import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIgnorePatterns, toIgnoreMatcher } from './ignore-patterns.ts'

describe('toIgnoreMatcher', () => {
  const cases: [pattern: string, path: string, originalName: string | undefined, isIgnored: boolean][] = [
    ['*.mov', 'a/b/c.MOV', undefined, true],
    ['*.mov', 'a/b/c.move', undefined, false],
    ['screenshot*', 'a/b/gphotos-1.png', 'Screenshot_2020.png', true],
    ['img_?.jpg', 'a/x.jpg', 'IMG_1.jpg', true],
    ['img_?.jpg', 'a/x.jpg', 'IMG_12.jpg', false],
    ['*.{mov,mp4}', 'a/x.mp4', undefined, true],
    ['*.{mov,mp4}', 'a/x.mp3', undefined, false],
    ['{img_?,x}.jpg', 'a/img_1.jpg', undefined, true],
    ['{img_?,x}.jpg', 'a/img_12.jpg', undefined, false],
    ['anna/*', 'anna/photos/x.jpg', undefined, false],
    ['anna/**', 'anna/photos/x.jpg', undefined, true],
    ['**/trash/**', 'anna/trash/photos/x.jpg', undefined, true],
    ['**/trash/**', 'trash/x.jpg', undefined, true],
    ['**/trash/**', 'anna/photos/x.jpg', undefined, false],
    ['a+b(1).jpg', 'x/a+b(1).jpg', undefined, true],
    ['a.jpg', 'x/abjpg', undefined, false],
    ['[x].jpg', 'y/x.jpg', undefined, false],
    ['.hidden*', 'y/.hidden.jpg', undefined, true],
    ['a{b', 'y/a{b', undefined, true],
    ['cafe\u0301.jpg', 'y/café.jpg', undefined, true],
  ]
  for (const [pattern, path, originalName, isIgnored] of cases) {
    test(`${pattern} ${isIgnored ? 'names' : 'does not name'} ${originalName ?? path}`, () => {
      const file = originalName === undefined ? { path } : { path, originalName }
      assert.equal(toIgnoreMatcher([pattern])(file), isIgnored)
    })
  }
})

test('patterns are separated by commas and lines, but for those in a choice', () => {
  assert.deepEqual(parseIgnorePatterns(' *.mov,*.{png,gif}\n\nb*, '), ['*.mov', '*.{png,gif}', 'b*'])
})
