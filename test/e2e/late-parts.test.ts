/**
 * A takeout whose parts, or whose metadata, come one after the other: in the end the catalog knows what it would
 * have known at once. (Files that were placed are not rewritten: their names and bytes tell what was known then.)
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CatalogAsset, contradictions, libraryContent } from '../support/library-content.ts'
import { makePhoto } from '../support/make-photo.ts'
import { EXPORTED_AT, type MadeTakeout, makeTakeout } from '../support/make-takeout.ts'
import { runHere } from '../support/run-here.ts'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-parts-'))
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function ingest(inputs: readonly string[], library: string, exitCode = 0): Promise<void> {
  const run = await runHere(['ingest', ...inputs, '-o', library, '--workers', '1'])
  assert.equal(run.exitCode, exitCode, run.stdout + run.stderr)
  assert.deepEqual(await contradictions(library), [])
}

/** What tells of the placed file, and not of the photo. */
const OF_THE_FILE = ['path', 'written', 'size_bytes', 'sidecar_path', 'sidecar_sha1', 'primary_path']

/**
 * Of what the first part told, the catalog keeps these: it adds what it learns, and cannot tell the same copy, better
 * known, from another one.
 */
const OF_FIRST_SIGHT = ['original_name', 'taken_zone', 'archived', 'shared', 'role']

const LEFT_OUT = new Set([...OF_THE_FILE, ...OF_FIRST_SIGHT])

function knownOf(asset: CatalogAsset): Record<string, unknown> {
  return Object.fromEntries(Object.entries(asset).filter(([column]) => !LEFT_OUT.has(column)))
}

/** Catalog, albums and ledger, with source hashes for paths. */
async function knowledge(library: string): Promise<unknown> {
  const { assets, albums, files } = await libraryContent(library)
  const sources = new Map(assets.map(({ path, source }) => [path, source]))
  return {
    assets: assets.map(knownOf).toSorted((a, b) => String(a['source']).localeCompare(String(b['source']))),
    albums: Object.fromEntries(
      Object.entries(albums).map(([title, paths]) => [
        title,
        paths.map((path) => sources.get(path)).toSorted(),
      ]),
    ),
    outcomes: files.map(({ path, asset }) => [path, sources.get(asset ?? '')]),
  }
}

describe('parts that are taken in one after the other', () => {
  let made: MadeTakeout
  let together: unknown

  before(async () => {
    // Every JSON lies in another part than its photo.
    made = await makeTakeout(join(folder, 'parts'), { form: 'zip', parts: 2 })
    await ingest(made.inputs, join(folder, 'together'))
    together = await knowledge(join(folder, 'together'))
  })

  for (const [index, story] of ['first', 'second'].entries()) {
    test(`the ${story} one alone, then both, make the catalog that both make together`, async () => {
      const library = join(folder, `apart-${index}`)
      // Of the second one alone it is told that the first is missing.
      await ingest(made.inputs.slice(index, index + 1), library, index)
      assert.notDeepEqual(await knowledge(library), together)
      await ingest(made.inputs, library)
      assert.deepEqual(await knowledge(library), together)
      const run = await runHere(['ingest', ...made.inputs, '-o', library, '--workers', '1'])
      assert.match(run.stdout, /^Nothing to do/u)
    })
  }
})

describe('metadata of an export that has changed', () => {
  const YEAR = 'Takeout/Google Photos/Photos from 2019'
  let input: string
  let library: string

  async function put(path: string, content: string | Buffer): Promise<void> {
    const file = join(input, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    await utimes(file, EXPORTED_AT / 1000, EXPORTED_AT / 1000)
  }

  const sidecar = (more: object): string =>
    JSON.stringify({ title: 'a.jpg', photoTakenTime: { timestamp: '1560000000' }, ...more })

  before(async () => {
    input = join(folder, 'edited')
    library = join(folder, 'library-edited')
    await put(`${YEAR}/a.jpg`, await makePhoto({ widthPx: 64, heightPx: 48, seed: 3 }))
  })

  test('is brought to the catalog, and the photo is not placed again', async () => {
    await put(`${YEAR}/a.jpg.json`, sidecar({}))
    await ingest([input], library)
    const [placed] = (await libraryContent(library)).assets
    assert.equal(placed?.['caption'], null)
    const people = [{ name: 'Ann' }]
    const geoData = { latitude: 46.6, longitude: 14.3 }
    await put(`${YEAR}/a.jpg.json`, sidecar({ description: 'At the lake', people, geoData, favorited: true }))
    await put('Takeout/Google Photos/Lake/metadata.json', JSON.stringify({ title: 'Lake', date: {} }))
    await put('Takeout/Google Photos/Lake/a.jpg.json', sidecar({}))
    await ingest([input], library)
    const { assets, albums, files } = await libraryContent(library)
    const [asset] = assets
    assert.ok(asset)
    assert.equal(assets.length, 1)
    assert.deepEqual(
      [asset['caption'], asset['people'], asset['latitude'], asset['favourite'], asset.path],
      ['At the lake', '["Ann"]', 46.6, 1, placed?.path],
    )
    assert.deepEqual(albums, { 'edited: Lake': [asset.path] })
    assert.equal(files.find(({ path }) => path.endsWith('a.jpg'))?.outcome, 'imported')
  })
})
