import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { writeTgz } from '../../test/support/tar-writer.ts'
import { listingDigest, planExport } from './export-plan.ts'
import type { PlanChunk, PlannedCopy, PlannedItem, PlanRemark } from './plan-chunk.ts'

const YEAR = 'Takeout/Google Photos/Photos from 2019'
const SOME_DAY = Date.UTC(2024, 0, 1)

describe('the plan of an export', () => {
  let root: string
  let temps: string
  let runs = 0

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-plan-'))
    temps = mkdtempSync(join(root, 'temps-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function put(path: string, content: string | Buffer): string {
    const file = join(root, 'in', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    utimesSync(file, SOME_DAY / 1000, SOME_DAY / 1000)
    return file
  }

  const sidecar = (more: object): string =>
    JSON.stringify({ title: 'a.jpg', photoTakenTime: { timestamp: '1560000000' }, ...more })

  async function chunksOf(...inputs: readonly string[]): Promise<PlanChunk[]> {
    return chunksWhile(inputs, () => undefined)
  }

  /** `change` is called when all has been listed and nothing was unpacked. */
  async function chunksWhile(inputs: readonly string[], change: () => void): Promise<PlanChunk[]> {
    const chunks: PlanChunk[] = []
    runs += 1
    await planExport(
      { name: 'x', inputs, tempFolder: temps },
      {
        taskId: runs,
        kind: 'export',
        attempt: 1,
        signal: new AbortController().signal,
        emit: async (chunk) => {
          const sent = chunk as PlanChunk
          chunks.push(sent)
          if (sent.type === 'totals') change()
          if (sent.type === 'listed') return { unchanged: false }
          return sent.type === 'ask' ? sent.items.map((_, index) => index) : null
        },
        progress: () => undefined,
        yieldTurn: () => undefined,
      },
    )
    return chunks
  }

  const digestOf = (chunks: readonly PlanChunk[]): string =>
    chunks.flatMap((chunk) => (chunk.type === 'listed' ? chunk.digest : []))[0] ?? ''

  function copiesOf(chunks: readonly PlanChunk[]): Map<string, PlannedCopy> {
    const items = chunks.flatMap((chunk): readonly PlannedItem[] => {
      if (chunk.type === 'items-text') return JSON.parse(chunk.json)
      return chunk.type === 'items' ? chunk.items : []
    })
    const copies = items.flatMap(({ parts }) => parts.flatMap((part) => part.copies))
    return new Map(copies.map((copy) => [copy.path.split('/').at(-1) ?? '', copy]))
  }

  const remarksOf = (chunks: readonly PlanChunk[]): PlanRemark[] =>
    chunks.flatMap((chunk) => (chunk.type === 'remarks' ? chunk.remarks : []))

  test('a file that cannot be had is settled with what the container has against it', async () => {
    put('a.jpg', 'photo a')
    symlinkSync(join(root, 'elsewhere'), join(root, 'in', 'b.jpg'))
    const chunks = await chunksOf(join(root, 'in'))
    const settled = chunks.flatMap((chunk) => (chunk.type === 'settled' ? chunk.files : []))
    assert.deepEqual(
      settled.map(({ path, outcome, reasonCode, reason }) => ({ path, outcome, reasonCode, reason })),
      [
        {
          path: 'b.jpg',
          outcome: 'failed',
          reasonCode: 'link',
          reason:
            'is a link, links are not followed: Give the folder that it leads to as an export of its own.',
        },
      ],
    )
  })

  test('tells when more is known of a photo, and of that photo only', async () => {
    put(`${YEAR}/a.jpg`, 'photo a')
    put(`${YEAR}/b.jpg`, 'photo b')
    const input = join(root, 'in')
    const alone = copiesOf(await chunksOf(input))
    put(`${YEAR}/a.jpg.json`, sidecar({}))
    const dated = copiesOf(await chunksOf(input))
    put(`${YEAR}/a.jpg.json`, sidecar({ description: 'At the sea' }))
    const captioned = copiesOf(await chunksOf(input))
    put('Takeout/Google Photos/Trip/metadata.json', JSON.stringify({ albumData: { title: 'Trip' } }))
    put('Takeout/Google Photos/Trip/a.jpg.json', sidecar({}))
    const inAlbum = copiesOf(await chunksOf(input))
    put('Takeout/Google Photos/Trip/metadata.json', JSON.stringify({ albumData: { title: 'The trip' } }))
    const renamed = copiesOf(await chunksOf(input))
    const all = [alone, dated, captioned, inAlbum, renamed]
    assert.equal(new Set(all.map((copies) => copies.get('a.jpg')?.knowledge)).size, all.length)
    assert.equal(new Set(all.map((copies) => copies.get('b.jpg')?.knowledge)).size, 1)
    assert.equal(new Set(all.map((copies) => copies.get('a.jpg')?.fingerprint)).size, 1)
    assert.deepEqual(copiesOf(await chunksOf(input)), renamed)
  })

  test('a file of a tgz that has changed is another, also when its size and time are the same', async () => {
    const holding = async (data: string): Promise<PlanChunk[]> =>
      chunksOf(
        put(
          'a.tgz',
          await writeTgz([
            { name: 'a.jpg', data },
            { name: 'b.jpg', data: 'same' },
          ]),
        ),
      )
    const one = await holding('one')
    const two = await holding('two')
    assert.notEqual(digestOf(one), digestOf(two))
    const fingerprints = [one, two].map((chunks) => copiesOf(chunks).get('a.jpg')?.fingerprint)
    assert.notEqual(fingerprints[0], fingerprints[1])
    const kept = [one, two].map((chunks) => copiesOf(chunks).get('b.jpg')?.fingerprint)
    assert.equal(kept[0], kept[1])
  })

  test('a part of a tgz that is damaged after it was listed costs the others nothing', async () => {
    const names = ['a-001.tgz', 'a-002.tgz', 'a-003.tgz']
    const parts = await Promise.all(
      names.map(async (name, part) => {
        const photos = [1, 2].map((index) => ({
          name: `${part}-${index}.jpg`,
          data: `photo ${part}-${index}`,
        }))
        return put(name, await writeTgz(photos))
      }),
    )
    const [first = '', , third = ''] = parts
    const other = await writeTgz([{ name: '0-1.jpg', data: 'another' }])
    const chunks = await chunksWhile(parts, () => {
      writeFileSync(first, other)
      writeFileSync(third, 'no archive any more')
    })
    const kinds = [...copiesOf(chunks)].map(([name, { source }]) => `${name} ${source.kind}`)
    assert.deepEqual(kinds.toSorted(), [
      ...['0-1.jpg stream', '0-2.jpg stream', '1-1.jpg file', '1-2.jpg file'],
      ...['2-1.jpg stream', '2-2.jpg stream'],
    ])
    assert.deepEqual(
      remarksOf(chunks).map(({ message }) => /0-1\.jpg|a-003\.tgz/u.exec(message)?.[0]),
      ['0-1.jpg', 'a-003.tgz'],
    )
  })

  test('a listing is another one for a program that reads more', () => {
    const archive = { entries: [], problems: [] }
    assert.equal(listingDigest(archive, undefined), listingDigest(archive, undefined))
    assert.notEqual(listingDigest(archive, undefined), listingDigest(archive, undefined, '0'))
    assert.notEqual(listingDigest(archive, undefined), listingDigest(archive, 'Folder'))
  })
})
