/**
 * The main job as a user runs it, on generated takeouts: what went in, what came out, as exiftool and SQL read it.
 *
 * One takeout in three containers is taken in at the start; most tests look at what came of that.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readTags, type Tags } from '../support/exiftool-judge.ts'
import {
  type CatalogAsset,
  contradictions,
  type LibraryContent,
  libraryContent,
} from '../support/library-content.ts'
import { type MadeTakeout, makeTakeout } from '../support/make-takeout.ts'
import { runHeirloom } from '../support/run-heirloom.ts'
import { type RunHere, runHere } from '../support/run-here.ts'
import { sidecarText } from '../support/takeout-layout.ts'
import { FAMILY_ALBUM, SUMMER_ALBUM, samplePlan } from '../support/takeout-sample.ts'
import { ignoreState, type TreeFacts, treeChanges, treeFacts } from '../support/tree-digest.ts'

const NAME = 'takeout-20240101T000000Z'
const FORMS = ['folder', 'zip', 'tgz'] as const
type Form = (typeof FORMS)[number]
type Truth = MadeTakeout['media'][number]

interface Taken {
  readonly made: MadeTakeout
  readonly inputBefore: TreeFacts
  readonly library: string
  readonly run: RunHere
  readonly content: LibraryContent
}

let folder: string
const taken = new Map<Form, Taken>()
let tags: ReadonlyMap<string, Tags>

const of = (form: Form): Taken => taken.get(form)!
const inputOf = (form: Form): string => join(folder, form)

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-e2e-'))
  await Promise.all(FORMS.map(takeIn))
  const { library, content } = of('folder')
  tags = await readTags(content.assets.map(({ path }) => join(library, path)))
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function takeIn(form: Form): Promise<void> {
  const place = form === 'folder' ? join(inputOf(form), NAME) : inputOf(form)
  const made = await makeTakeout(place, { form, name: NAME })
  const inputBefore = await treeFacts(inputOf(form), { inodes: true })
  const library = join(folder, `library-${form}`)
  // One as its users do; it starts as many workers as it thinks best.
  const args = ['ingest', ...made.inputs, '-o', library]
  const run = await (form === 'folder' ? runHeirloom(args) : runHere([...args, '--workers', '1']))
  assert.equal(run.exitCode, 0, `${form}: ${run.stdout}${run.stderr}`)
  taken.set(form, { made, inputBefore, library, run, content: await libraryContent(library) })
}

/** Every different content of the folder takeout, with its asset. */
function pairs(): { truth: Truth; asset: CatalogAsset; file: Tags; where: string }[] {
  const { made, content, library } = of('folder')
  return made.media
    .filter(({ role }) => role !== 'copy')
    .map((truth) => {
      const asset = content.assets.find(({ source }) => source === truth.sha1)
      assert.ok(asset !== undefined, `${truth.path} is not in the catalog`)
      const file = tags.get(join(library, asset.path))
      assert.ok(file !== undefined, `exiftool did not read ${asset.path}`)
      return { truth, asset, file, where: `${truth.path} → ${asset.path}` }
    })
}

describe('one takeout in three containers', () => {
  for (const form of FORMS) {
    test(`a ${form} is left exactly as it was`, async () => {
      const now = await treeFacts(inputOf(form), { inodes: true })
      assert.deepEqual(treeChanges(of(form).inputBefore, now), [])
    })

    test(`the library of a ${form} does not contradict itself`, async () => {
      assert.deepEqual(await contradictions(of(form).library), [])
    })
  }

  test('gives the same files, catalog, albums and ledger', async () => {
    const files = await Promise.all(
      FORMS.map((form) => treeFacts(of(form).library, { ignore: (path) => ignoreState(path), times: false })),
    )
    assert.deepEqual(files[1], files[0])
    assert.deepEqual(files[2], files[0])
    assert.deepEqual(of('zip').content, of('folder').content)
    assert.deepEqual(of('tgz').content, of('folder').content)
  })
})

describe('what became of each input file', () => {
  test('each has one outcome, and they add up', () => {
    const { made, content } = of('folder')
    const count = (outcome: string): number => content.files.filter((file) => file.outcome === outcome).length
    const copies = made.media.filter(({ role }) => role === 'copy').length
    assert.equal(content.files.length, made.fileCount)
    assert.equal(count('imported'), made.media.length - copies)
    assert.equal(count('duplicate'), copies)
    assert.equal(count('failed'), 0)
    assert.equal(count('sidecar') + count('ignored'), made.fileCount - made.media.length)
    assert.ok(copies > 0)
  })

  test('every photo and video leads to the asset with its bytes', () => {
    const { made, content } = of('folder')
    for (const { path, sha1 } of made.media) {
      const row = content.files.find((file) => file.path === path)
      const asset = content.assets.find((one) => one.path === row?.asset)
      assert.equal(asset?.source, sha1, path)
    }
  })

  test('every JSON that belongs to a photo is a sidecar', () => {
    const { made, content } = of('folder')
    const outcomes = new Map(content.files.map(({ path, outcome }) => [path, outcome]))
    for (const { json } of made.media) {
      if (json !== undefined) assert.equal(outcomes.get(json), 'sidecar', json)
    }
  })

  test('the counts are told at the end', () => {
    const { made, run } = of('folder')
    const row = run.stdout.split('\n').find((line) => line.startsWith(NAME))
    const numbers = row?.match(/(?<= )\d+(?= |$)/g)?.map(Number) ?? []
    assert.equal(numbers[0], made.fileCount)
    assert.equal(
      numbers.slice(1).reduce((sum, count) => sum + count, 0),
      made.fileCount,
    )
  })
})

describe('as exiftool reads the library', () => {
  test('no camera date is changed, and every known instant is right to the second', () => {
    let instants = 0
    for (const { truth, file, where } of pairs()) {
      const local = localTimeOf(file)
      if (truth.takenLocal !== undefined && truth.role !== 'live')
        assert.equal(local, truth.takenLocal, where)
      if (truth.takenAt === undefined) continue
      assert.equal(instantOf(file), truth.takenAt, where)
      instants += 1
    }
    assert.ok(instants > 30, `only ${instants} instants were known`)
  })

  test('what nobody dated has no date', () => {
    const undated = pairs().filter(
      ({ truth }) => truth.takenAt === undefined && truth.takenLocal === undefined,
    )
    assert.equal(undated.length, 1)
    for (const { file, asset, where } of undated) {
      assert.equal(localTimeOf(file), undefined, where)
      // Neither its folder (1970, where Google puts what has no date) nor the time of the export dates it.
      assert.equal(asset['taken_at'], null, where)
    }
  })

  test('places are there, and 0/0 is none', () => {
    let places = 0
    for (const { truth, file, where } of pairs()) {
      const { place } = truth
      if (place === undefined) {
        assert.equal(file['Composite:GPSLatitude'], undefined, where)
        continue
      }
      assert.ok(Math.abs(Number(file['Composite:GPSLatitude']) - place.latitude) < 1e-4, where)
      assert.ok(Math.abs(Number(file['Composite:GPSLongitude']) - place.longitude) < 1e-4, where)
      places += 1
    }
    assert.ok(places >= 5, `only ${places} places were known`)
  })

  test('captions, people, albums, favourites and original names are there', () => {
    for (const { truth, file, where } of pairs()) {
      assert.equal(file['XMP-dc:Description'], truth.caption, where)
      assert.deepEqual(listOf(file['XMP-iptcExt:PersonInImage']), truth.people, where)
      assert.deepEqual(listOf(file['XMP-dc:Subject']).sort(), truth.albums, where)
      assert.equal(file['XMP-xmp:Rating'], truth.favorite ? 5 : undefined, where)
      const name = truth.role === 'original' ? truth.title : basename(truth.path)
      assert.equal(file['XMP-xmpMM:PreservedFileName'], name, where)
    }
  })

  test('a JPEG has its caption and albums in EXIF and IPTC too, in UTF-8', () => {
    const captioned = pairs().filter(({ truth, asset }) => truth.caption && asset['format'] === 'jpeg')
    assert.equal(captioned.length, 1)
    for (const { truth, file, where } of captioned) {
      assert.equal(file['IFD0:ImageDescription'], truth.caption, where)
      assert.equal(file['IPTC:Caption-Abstract'], truth.caption, where)
      assert.deepEqual(listOf(file['IPTC:Keywords']).sort(), truth.albums, where)
    }
  })

  test('no picture is changed', async () => {
    const { made } = of('folder')
    const [input] = made.inputs
    const before = await readTags(made.media.map(({ path }) => join(input!, path)))
    for (const { truth, file, where } of pairs()) {
      const hash = before.get(join(input!, truth.path))?.['File:ImageDataHash']
      assert.ok(typeof hash === 'string', `no image data hash of ${truth.path}`)
      assert.equal(file['File:ImageDataHash'], hash, where)
    }
  })
})

/** Wall-clock time as `2019-07-14T12:11:12`. */
function localTimeOf(file: Tags): string | undefined {
  const value = file['ExifIFD:DateTimeOriginal'] ?? file['XMP-exif:DateTimeOriginal']
  if (value === undefined) return undefined
  const [day = '', time = ''] = String(value).slice(0, 19).split(' ')
  return `${day.replaceAll(':', '-')}T${time}`
}

/** Epoch milliseconds; undefined when the file does not say its zone. */
function instantOf(file: Tags): number | undefined {
  const movie = file['QuickTime:CreateDate']
  if (movie !== undefined) {
    const [day = '', time = ''] = String(movie).split(' ')
    return Date.parse(`${day.replaceAll(':', '-')}T${time}Z`)
  }
  const offset = file['ExifIFD:OffsetTimeOriginal']
  return offset === undefined ? undefined : Date.parse(`${localTimeOf(file)}${offset}`)
}

function listOf(value: unknown): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.map(String) : [String(value)]
}

describe('what lies where', () => {
  test('names tell the time, and sorting by name sorts by date', () => {
    for (const { truth, asset, where } of pairs()) {
      const { takenLocal } = truth
      if (takenLocal !== undefined) {
        assert.ok(asset.path.includes(`-${takenLocal.replaceAll(/[-:]/g, '')}-`), where)
      }
      assert.ok(asset.path.includes(truth.role === 'original' ? truth.sha1.slice(0, 6) : ''), where)
    }
  })

  test('companions share the stem of their original', () => {
    const { made, content } = of('folder')
    const pathOf = (sha1: string | undefined): string =>
      content.assets.find(({ source }) => source === sha1)?.path ?? ''
    const companions = made.media.filter(({ role }) => role === 'edited' || role === 'live')
    assert.equal(companions.length, 2)
    for (const companion of companions) {
      const original = made.media.find(({ path }) => path === companion.original)
      const stem = pathOf(original?.sha1).replace(/\.\w+$/, '')
      assert.ok(pathOf(companion.sha1).startsWith(stem), companion.path)
      const asset = content.assets.find(({ source }) => source === companion.sha1)
      assert.equal(asset?.['primary_path'], pathOf(original?.sha1))
    }
  })

  test('what was in the trash is kept apart, and nothing else is', () => {
    const apart = pairs().filter(({ asset }) => asset.path.startsWith(`${NAME}/trash/`))
    assert.deepEqual(
      apart.map(({ truth }) => truth.title),
      ['IMG_20200704_130000.jpg'],
    )
  })

  test('a wrong extension is put right', () => {
    const wrong = pairs().filter(({ truth }) => ['IMG_5002.jpg', 'IMG_5001.HEIC'].includes(truth.title))
    assert.deepEqual(wrong.map(({ asset }) => asset.path.replace(/.*\./, '')).sort(), ['jpg', 'png'])
  })

  test("the video behind a motion photo's picture is there, byte for byte", async () => {
    const { made, library } = of('folder')
    const motion = pairs().find(({ truth }) => truth.title.endsWith('.MP.jpg'))!
    const source = await readFile(join(made.inputs[0]!, motion.truth.path))
    const placed = await readFile(join(library, motion.asset.path))
    const video = source.subarray(source.indexOf('ftyp') - 4)
    assert.ok(video.length > 30_000)
    assert.ok(placed.subarray(-video.length).equals(video))
    assert.equal(placed.indexOf('ftyp'), placed.length - video.length + 4)
  })

  test('a file has the time at which it was taken', async () => {
    const { library } = of('folder')
    const facts = await treeFacts(library, { ignore: ignoreState })
    for (const { truth, asset, where } of pairs()) {
      if (truth.takenAt === undefined) continue
      const time = facts.get(asset.path)?.split(' ')[3]
      assert.equal(Number(BigInt(time ?? 0) / 1_000_000n), truth.takenAt, where)
    }
  })
})

describe('the catalog', () => {
  test('agrees with the truth', () => {
    for (const { truth, asset, where } of pairs()) {
      if (truth.takenAt !== undefined) assert.equal(asset['taken_at'], truth.takenAt, where)
      assert.equal(asset['caption'], truth.caption ?? null, where)
      assert.equal(asset['latitude'], truth.place?.latitude ?? null, where)
      assert.equal(asset['longitude'], truth.place?.longitude ?? null, where)
      assert.deepEqual(JSON.parse(String(asset['people'])), truth.people, where)
      const flags = ['favourite', 'archived', 'trashed', 'shared'].map((flag) => asset[flag] === 1)
      assert.deepEqual(flags, [truth.favorite, truth.archived, truth.trashed, truth.partner], where)
      assert.equal(asset['problems'], '[]', where)
    }
  })

  test('has the albums of all copies, also where only a JSON lies', () => {
    const { content } = of('folder')
    for (const title of [SUMMER_ALBUM, FAMILY_ALBUM]) {
      const expected = pairs().filter(({ truth }) => truth.albums.includes(title))
      const paths = expected.map(({ asset }) => asset.path).sort()
      assert.ok(paths.length > 1)
      assert.deepEqual([...(content.albums[`${NAME}: ${title}`] ?? [])].sort(), paths)
    }
    assert.equal(Object.keys(content.albums).length, 2)
  })
})

describe('a second run', () => {
  test('writes nothing and says so', async () => {
    const { made, library } = of('folder')
    const before = await treeFacts(library, { ignore: (path) => path === '.heirloom', inodes: true })
    const run = await runHere(['ingest', ...made.inputs, '-o', library])
    assert.equal(run.exitCode, 0, run.stderr)
    assert.match(run.stdout, /^Nothing to do: all \d+ files of 1 export/)
    const now = await treeFacts(library, { ignore: (path) => path === '.heirloom', inodes: true })
    assert.deepEqual(treeChanges(before, now), [])
  })

  test('over an export with one photo more places just that one', async () => {
    const { made, content } = of('folder')
    const [source] = made.inputs
    const input = join(folder, 'more', NAME)
    const library = join(folder, 'library-more')
    await cp(source!, input, { recursive: true, preserveTimestamps: true })
    await cp(of('folder').library, library, { recursive: true, preserveTimestamps: true })
    // Else it would be known for a copy, and refused.
    await rm(join(library, '.heirloom/id'), { force: true })
    const before = await treeFacts(library, { ignore: ignoreState, inodes: true })
    const [item] = samplePlan({ seed: 77, photos: 1, specials: false }).items
    const year = join(input, 'Takeout/Google Photos/Photos from 2019')
    await writeFile(join(year, 'IMG_new.jpg'), await item!.content())
    await writeFile(
      join(year, 'IMG_new.jpg.supplemental-metadata.json'),
      sidecarText({ ...item!, title: 'IMG_new.jpg' }),
    )
    const run = await runHere(['ingest', input, '-o', library, '--workers', '1'])
    assert.equal(run.exitCode, 0, run.stderr)
    const now = await treeFacts(library, { ignore: ignoreState, inodes: true })
    const changes = treeChanges(before, now)
    assert.equal(changes.length, 1, changes.join('\n'))
    assert.match(changes[0]!, /^added .*\/photos\/gphotos-2019\w+-[0-9a-f]{6}\.jpg$/)
    assert.deepEqual(await contradictions(library), [])
    assert.equal((await libraryContent(library)).files.length, content.files.length + 2)
  })
})

describe('--metadata sidecar', () => {
  test('leaves every byte as it was and writes .xmp files beside', async () => {
    const { made } = of('folder')
    const library = join(folder, 'library-sidecar')
    const run = await runHere([
      ...['ingest', ...made.inputs, '-o', library],
      ...['--metadata', 'sidecar', '--workers', '1'],
    ])
    assert.equal(run.exitCode, 0, run.stderr)
    const { assets } = await libraryContent(library)
    assert.deepEqual(await contradictions(library), [])
    for (const { path, source, written } of assets) assert.equal(written, source, path)
    const sources = new Set(made.media.map(({ sha1 }) => sha1))
    assert.deepEqual(new Set(assets.map(({ source }) => source)), sources)
    const told = made.media.find(({ caption, role }) => role === 'original' && caption?.startsWith('Grüße'))!
    const asset = assets.find(({ source }) => source === told.sha1)!
    assert.equal(asset['sidecar_path'], `${asset.path}.xmp`)
    const beside = join(library, `${asset.path}.xmp`)
    const xmp = (await readTags([beside])).get(beside)
    assert.equal(xmp?.['XMP-dc:Description'], told.caption)
    assert.deepEqual(listOf(xmp?.['XMP-iptcExt:PersonInImage']), told.people)
    assert.deepEqual(listOf(xmp?.['XMP-dc:Subject']).sort(), told.albums)
    assert.equal(xmp?.['XMP-xmp:Rating'], 5)
    assert.ok(Math.abs(Number(xmp?.['XMP-exif:GPSLatitude']) - told.place!.latitude) < 1e-4)
    assert.equal(Date.parse(isoOf(xmp?.['XMP-exif:DateTimeOriginal'])), told.takenAt)
  })
})

/** `2019:07:21 08:00:00+02:00` as ISO 8601. */
function isoOf(value: unknown): string {
  return String(value).replace(/^(\d+):(\d+):(\d+) /, '$1-$2-$3T')
}

describe('--dry-run', () => {
  test('shows the plan and writes nothing', async () => {
    const { made, content } = of('folder')
    const library = join(folder, 'library-dry')
    const run = await runHere(['ingest', ...made.inputs, '-o', library, '--dry-run', '--json'])
    assert.equal(run.exitCode, 0, run.stderr)
    const { plan, exports } = JSON.parse(run.stdout)
    assert.equal(plan.entryCount, made.fileCount)
    assert.equal(exports[0].filesFound, made.fileCount)
    const planned = new Map<string, string>(
      plan.entries.map((entry: { path: string; outcome: string }) => [entry.path, entry.outcome]),
    )
    for (const { path, outcome } of content.files) assert.equal(planned.get(path), outcome, path)
    assert.equal((await readdir(folder)).includes('library-dry'), false)
    assert.deepEqual(
      treeChanges(of('folder').inputBefore, await treeFacts(inputOf('folder'), { inodes: true })),
      [],
    )
  })
})

describe('several exports', () => {
  test('a photo that both hold is one asset in the albums of both', async () => {
    const originals = join(folder, 'originals')
    const shared = { photos: 4, specials: false, seed: 5 }
    const anna = await makeTakeout(join(originals, 'google-anna-20240101'), shared)
    const bert = await makeTakeout(join(originals, 'google-bert-20240101'), {
      ...shared,
      plan: {
        items: samplePlan(shared).items.map((item) => ({ ...item, albums: ['Berts Bilder'] })),
      },
    })
    const library = join(folder, 'library-two')
    const run = await runHere([
      ...['ingest', '--originals', originals, '-o', library],
      ...['--parallel-exports', '2', '--workers', '1', '--json'],
    ])
    assert.equal(run.exitCode, 0, run.stderr)
    assert.deepEqual(await contradictions(library), [])
    const { assets, albums, files } = await libraryContent(library)
    assert.deepEqual(
      assets.map(({ source }) => source).sort(),
      [...new Set(anna.media.map(({ sha1 }) => sha1))].sort(),
    )
    assert.equal(new Set(bert.media.map(({ sha1 }) => sha1)).size, assets.length)
    assert.deepEqual(albums['google-bert-20240101: Berts Bilder'], assets.map(({ path }) => path).sort())
    assert.equal(albums[`google-anna-20240101: ${SUMMER_ALBUM}`]?.length, 1)
    assert.equal(files.filter(({ outcome }) => outcome === 'imported').length, assets.length)
    assert.equal(files.length, anna.fileCount + bert.fileCount)
    const summary = JSON.parse(run.stdout)
    assert.deepEqual(
      summary.exports.map(({ name }: { name: string }) => name),
      ['google-anna-20240101', 'google-bert-20240101'],
    )
    for (const one of summary.exports) assert.equal(one.balanced, true)
    for (const line of run.stderr.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line), line)
  })
})

describe('the report', () => {
  test('agrees with the ledger, as a file and from the command', async () => {
    const { library, made } = of('folder')
    const fromFile = JSON.parse(await readFile(join(library, 'report-latest.json'), 'utf8'))
    const run = await runHere(['report', library, '--json'])
    assert.equal(run.exitCode, 0, run.stderr)
    const fromCommand = JSON.parse(run.stdout)
    assert.equal(fromFile.balance.found, made.fileCount)
    assert.equal(fromFile.balance.balanced, true)
    assert.deepEqual(fromCommand.balance, fromFile.balance)
    const page = await readFile(join(library, 'report-latest.html'), 'utf8')
    assert.match(page, /^<!doctype html>/i)
    assert.ok(page.includes(NAME))
  })

  test('check proves that the export may be deleted, and notices when it may not', async () => {
    const { library, made } = of('zip')
    const good = await runHere(['check', library, ...made.inputs, '--json'])
    assert.equal(good.exitCode, 0, good.stdout + good.stderr)
    assert.equal(JSON.parse(good.stdout).exports[0].deletable, true)
    const copy = join(folder, 'library-checked')
    await cp(library, copy, { recursive: true })
    const [asset] = (await libraryContent(copy)).assets
    await mkdir(dirname(join(copy, asset!.path)), { recursive: true })
    await rm(join(copy, asset!.path))
    const bad = await runHere(['check', copy, ...made.inputs, '--json'])
    assert.equal(bad.exitCode, 1, bad.stdout + bad.stderr)
    assert.equal(JSON.parse(bad.stdout).exports[0].deletable, false)
  })
})
