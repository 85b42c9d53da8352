/**
 * What a reading takes for each item: with 100,000 of them, every kilobyte is 100 MB beside the workers.
 *
 * In a file, and so in a process, of its own: others' garbage would be counted too.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Archive, ArchiveEntry } from './archive/archive.ts'
import { type ExportReading, readExport } from './read-export.ts'
import { PLATFORMS } from './registry.ts'

const ITEMS = 5_000
const NOW = Date.UTC(2026, 0, 1)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Of all that is alive, on the heap and beside it. */
function usedBytes(): number {
  // The second one frees the buffers that the first one found.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const SOURCE: ArchiveEntry['source'] = { kind: 'file', file: '/in' }

function entriesOf(index: number): ArchiveEntry[] {
  const path = `Takeout/Google Photos/Photos from ${2010 + (index % 10)}/IMG_${index}.jpg`
  return [[path], [path, '.supplemental-metadata.json']].map((parts) => ({
    // As a listing makes it: in one piece from the start.
    path: parts.join(''),
    sizeBytes: 1000,
    modifiedAt: NOW - index,
    source: SOURCE,
  }))
}

function sidecarOf(path: string): Buffer {
  const title = /IMG_\d+\.jpg/u.exec(path)?.[0] ?? ''
  const seconds = 1_400_000_000 + Number.parseInt(title.slice(4), 10) * 60
  return Buffer.from(
    JSON.stringify({
      title,
      description: `What ${title} shows`,
      photoTakenTime: { timestamp: String(seconds) },
      creationTime: { timestamp: String(seconds + 900) },
      geoData: { latitude: 46 + seconds / 1e12, longitude: 14 + seconds / 1e12, altitude: 446 },
      people: [{ name: 'Anna' }],
    }),
  )
}

function archiveOf(items: number): Archive {
  return {
    inputs: ['/in'],
    entries: Array.from({ length: items }, (_, index) => entriesOf(index)).flat(),
    problems: [],
    randomAccess: true,
    readSmall: ({ path }) => Promise.resolve(sidecarOf(path)),
    spool: () => {
      throw new Error('not asked for')
    },
    close: () => Promise.resolve(),
  }
}

const read = (archive: Archive): Promise<ExportReading> =>
  readExport(archive, PLATFORMS, { exportName: 'anna', now: NOW })

test('a reading takes less than a quarter of a kilobyte an item beside the listing', async () => {
  // What is compiled and kept for good is no matter here.
  await read(archiveOf(500))
  const archive = archiveOf(ITEMS)
  const before = usedBytes()
  const reading = await read(archive)
  const bytesAnItem = (usedBytes() - before) / ITEMS
  assert.equal(reading.platforms[0]?.items.length, ITEMS)
  assert.equal(reading.nonMedia.length, ITEMS)
  assert.equal(archive.entries.length, ITEMS * 2)
  assert.ok(bytesAnItem < 256, `a reading takes ${Math.round(bytesAnItem)} bytes an item`)
})
