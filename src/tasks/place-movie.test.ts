import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { movieOf, splitBoxes, typeOf } from '../../test/support/movie-of.ts'
import { box } from '../../test/support/tiny-mp4.ts'
import { HeirloomError } from '../errors.ts'
import type { MetadataTool } from '../media/metadata-file.ts'
import type { PlacedFile } from './item.ts'
import { placeContent, type Wanted } from './place-content.ts'

const TAKEN_AT = Date.UTC(2021, 6, 4, 22, 30, 5)

const WANTED: Wanted = {
  role: 'primary',
  path: 'clip.mp4',
  facts: {
    taken: [{ source: 'export', detail: 'photoTakenTime', at: TAKEN_AT, precision: 'second' }],
    people: ['Ann'],
    albums: [],
  },
  albumTitles: {},
  options: { tempFolder: '', metadata: 'embed' },
  xmps: [],
}

const unused = (): never => assert.fail('exiftool is not needed for a movie')
const NO_TOOL: MetadataTool = { read: unused, write: unused, close: () => Promise.resolve() }

class UnreadableError extends HeirloomError {
  readonly code = 'test/unreadable'
  readonly recovery = 'discard'
}

describe('placing a movie', () => {
  let folder: string
  let temp: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heirloom-place-movie-'))
    temp = join(folder, 'temp.part')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** With `inMemory: false` the bytes lie in the temporary file already, as those of large files do. */
  function place(source: Buffer, tool: MetadataTool, inMemory = true): Promise<PlacedFile> {
    if (!inMemory) writeFileSync(temp, source)
    const content = {
      sha1: sha1(source),
      sizeBytes: source.length,
      head: source.subarray(0, 4096),
      ...(inMemory ? { whole: source } : {}),
    }
    return placeContent(content, WANTED, temp, { tool, now: () => Date.UTC(2026, 0, 1) })
  }

  const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

  for (const inMemory of [true, false]) {
    test(`needs no exiftool ${inMemory ? 'in memory' : 'when it is large'}, and tells what was written`, async () => {
      const source = movieOf({ boxes: (moov, mdat) => [mdat, moov] })
      const placed = await place(source, NO_TOOL, inMemory)
      const result = readFileSync(temp)
      assert.deepEqual(splitBoxes(result).map(typeOf), ['ftyp', 'mdat', 'moov', 'uuid'])
      assert.ok(result.includes('Ann'))
      assert.equal(placed.writtenSha1, sha1(result))
      assert.equal(placed.sizeBytes, result.length)
      assert.equal(placed.sidecar, undefined)
    })

    test(`goes to exiftool with all its bytes where it is unusual, ${inMemory ? 'in memory' : 'large'}`, async () => {
      const source = movieOf({ boxes: (moov, mdat) => [moov, box('moof', Buffer.alloc(8)), mdat] })
      const written: Buffer[] = []
      const tool: MetadataTool = {
        ...NO_TOOL,
        write: async (file) => {
          written.push(readFileSync(file))
          return 'sidecar'
        },
      }
      const placed = await place(source, tool, inMemory)
      assert.deepEqual(written, [source])
      assert.deepEqual(readFileSync(temp), source)
      assert.equal(placed.writtenSha1, sha1(source))
      assert.ok(placed.sidecar)
    })

    test(`is left alone when what it says could not be read, ${inMemory ? 'in memory' : 'large'}`, async () => {
      const source = movieOf({ keys: { title: 'of others' }, boxes: (moov, mdat) => [mdat, moov] })
      const fail = (): Promise<never> => Promise.reject(new UnreadableError('exiftool is missing'))
      const placed = await place(source, { ...NO_TOOL, read: fail, write: fail }, inMemory)
      assert.deepEqual(readFileSync(temp), source)
      assert.ok(placed.sidecar)
      assert.deepEqual(
        placed.problems.map(({ code }) => code),
        ['metadata-unreadable', 'metadata-beside'],
      )
    })
  }

  test('is given to exiftool for reading as a whole', async () => {
    const source = movieOf({ keys: { title: 'of others' }, boxes: (moov, mdat) => [mdat, moov] })
    const tool: MetadataTool = {
      ...NO_TOOL,
      read: async (file) => {
        assert.deepEqual(readFileSync(file), source)
        return { taken: [], people: ['Bob'], keywords: [] }
      },
    }
    const placed = await place(source, tool)
    assert.ok(readFileSync(temp).includes('of others'))
    assert.deepEqual(placed.people, ['Ann', 'Bob'])
  })
})
