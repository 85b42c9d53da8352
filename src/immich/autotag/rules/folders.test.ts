import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Predicate } from '../rules.ts'
import { findFolders, foldersOf, withFoldersBelow } from './folders.ts'
import { parseTextPattern } from './text-pattern.ts'

const path = (source: string): Predicate => ({
  kind: 'text',
  field: 'path',
  patterns: [parseTextPattern(source)],
})
const DATED = path('/\\/(?<name>\\d{4}-\\d\\d-\\d\\d[^\\/]+)/')

describe('findFolders', () => {
  const names = (predicate: Predicate, text: string): readonly string[] =>
    findFolders(predicate, text).map(({ folder }) => folder)

  test('finds the folder in which a pattern begins', () => {
    const [match] = findFolders(DATED, '/mnt/2019-06-02 Lake/day1/a.jpg')
    assert.deepEqual(match, { index: 1, folder: '2019-06-02 Lake', groups: { name: '2019-06-02 Lake' } })
  })

  test('finds several, the outermost first, each once', () => {
    assert.deepEqual(names(DATED, '/2019-06-02 A/2019-06-03 B/a.jpg'), ['2019-06-02 A', '2019-06-03 B'])
    assert.deepEqual(names({ kind: 'any', of: [DATED, DATED] }, '/2019-06-02 A/a.jpg'), ['2019-06-02 A'])
  })

  test('finds neighbours when the pattern takes the slash behind', () => {
    assert.deepEqual(names(path('/\\/\\d{4}\\//'), '/2019/2020/a.jpg'), ['2019', '2020'])
  })

  test('finds nothing in the name of the file, under not, by a glob, or of another field', () => {
    assert.deepEqual(names(DATED, '/mnt/2019-06-02 Lake.jpg'), [])
    assert.deepEqual(names({ kind: 'not', of: DATED }, '/2019-06-02 Lake/a.jpg'), [])
    assert.deepEqual(names(path('*lake*'), '/2019-06-02 Lake/a.jpg'), [])
  })

  test('a pattern that begins inside of a folder means this folder', () => {
    assert.deepEqual(names(path('/Lake/'), '/x/2019 Lake/a.jpg'), ['2019 Lake'])
  })
})

test('the folders below go on with the name as deep as asked for', () => {
  const text = '/2019-06-02 Lake/a/b/c/x.jpg'
  const [match] = findFolders(DATED, text)
  assert.ok(match)
  assert.deepEqual(
    [0, 2, 9].map((depth) => withFoldersBelow('N', match, text, depth)),
    ['N', 'N/a/b', 'N/a/b/c'],
  )
})

test('folders of a path are without its file, in NFC', () => {
  assert.deepEqual(foldersOf('//mnt/cafe\u0301/x.jpg'), ['mnt', 'caf\u00e9'])
})
