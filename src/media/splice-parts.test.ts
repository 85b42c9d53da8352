import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { applySpliceInPlace, canSpliceInPlace } from './splice-in-place.ts'
import { movedRanges, type SpliceEdit, sliceParts, toSplice } from './splice-parts.ts'

const SOURCE = Buffer.from('abcdefghij')

function edit(at: number, to: number, text: string): SpliceEdit {
  return { at, to, bytes: Buffer.from(text) }
}

const spliced = (edits: readonly SpliceEdit[]): string =>
  Buffer.concat(sliceParts(SOURCE, toSplice(edits, SOURCE.length).parts)).toString()

describe('toSplice', () => {
  test('replaces, removes, and puts in at both ends', () => {
    assert.equal(
      spliced([edit(10, 10, '>'), edit(2, 4, 'XYZ'), edit(5, 7, ''), edit(0, 0, '<')]),
      '<abXYZehij>',
    )
  })

  test('keeps the order of what is put in at one place', () => {
    assert.equal(spliced([edit(3, 3, '1'), edit(3, 3, '2')]), 'abc12defghij')
  })

  test('knows what moves', () => {
    const { parts } = toSplice([edit(2, 4, 'XY'), edit(6, 6, '!')], SOURCE.length)
    assert.deepEqual(movedRanges(parts), [{ from: 6, to: 10, target: 7 }])
  })
})

describe('applySpliceInPlace', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-splice-'))
  })
  after(() => rm(folder, { recursive: true }))

  test('makes of a file what the parts say, whether it grows or shrinks', async () => {
    const places = fc.uniqueArray(fc.nat(SOURCE.length), { maxLength: 6 })
    const texts = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 12 }), {
      minLength: 3,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(places, texts, async (unsorted, words) => {
        const ends = unsorted.toSorted((left, right) => left - right)
        const edits = words.flatMap((text, index) => {
          const [at, to] = [ends[index * 2], ends[index * 2 + 1]]
          return at === undefined || to === undefined ? [] : [edit(at, to, text)]
        })
        const splice = toSplice(edits, SOURCE.length)
        const file = join(folder, 'any')
        await writeFile(file, SOURCE)
        applySpliceInPlace(file, splice)
        const result = await readFile(file)
        assert.equal(result.toString(), spliced(edits))
        assert.equal(result.length, splice.sizeBytes)
      }),
      { numRuns: 100 },
    )
  })

  test('refuses before the first byte what would move gigabytes', async () => {
    const file = join(folder, 'large')
    await writeFile(file, SOURCE)
    const splice = toSplice([edit(0, 0, '!')], 2 ** 33)
    assert.equal(canSpliceInPlace(splice), false)
    assert.throws(() => applySpliceInPlace(file, splice), RangeError)
    assert.deepEqual(await readFile(file), SOURCE)
  })
})
