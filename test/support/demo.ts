/**
 * `npm run demo`: makes a small realistic takeout in a temporary folder, runs the main job on it, shows the result.
 *
 * Everything lies in one folder, which stays for looking around; the last lines say how to go on and how to remove
 * it. Exits with the exit code of the ingest.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ExifTool } from 'exiftool-vendored'
import { makeTakeout } from './make-takeout.ts'
import { layOut } from './takeout-layout.ts'
import { samplePlan } from './takeout-sample.ts'

const HEIRLOOM = fileURLToPath(new URL('../../bin/heirloom.js', import.meta.url))
/** The photo whose two lives are shown: caption, people, place, two albums. */
const SHOWN = 'IMG_20190721_080000.jpg'
const SAMPLE = { widthPx: 800, photos: 12 }
/** What is shown of it: what a person calls it, and exiftool's names for it in either file. */
const SHOWN_TAGS: readonly (readonly [label: string, ...tags: string[]])[] = [
  ['taken', 'DateTimeOriginal'],
  ['time zone', 'OffsetTimeOriginal'],
  ['place', 'GPSPosition'],
  ['caption', 'Description', 'ImageDescription'],
  ['people', 'PersonInImage'],
  ['albums', 'Subject', 'Keywords'],
  ['rating', 'Rating'],
]

process.exitCode = await main()

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-demo-'))
  const library = join(folder, 'library')
  const inputs = await makeInput(join(folder, 'export'))
  say('', `$ npx heirloom ingest ${inputs.map((path) => basename(path)).join(' ')} -o library`, '')
  const exitCode = await run(['ingest', ...inputs, '-o', library])
  if (exitCode === 0) await showResult(folder, library)
  showCommands(folder, library)
  return exitCode
}

async function makeInput(folder: string): Promise<readonly string[]> {
  const { inputs, fileCount, media } = await makeTakeout(folder, { ...SAMPLE, form: 'zip' })
  const sizes = await Promise.all(inputs.map(async (path) => (await stat(path)).size))
  const megabytes = (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)
  say(
    `A small Google takeout was made: ${fileCount} files in ${inputs.length} zip parts, ${megabytes} MB, in`,
    `  ${folder}`,
    `${media.length} of them are photos and videos: an edited one, a live and a motion photo, names that Google cut,`,
    'albums with copies, a JSON without its photo, wrong extensions, a scan without a date, one in the trash.',
  )
  return inputs
}

async function run(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [HEIRLOOM, ...args], { stdio: 'inherit' })
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

async function showResult(folder: string, library: string): Promise<void> {
  const entries = await readdir(library, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.parentPath.endsWith('photos'))
  const names = files.map(({ name }) => name).sort()
  say('', `What lies in the library now: ${names.length} files, sorted by date, such as`)
  for (const name of names.filter((_, index) => index % 7 === 3)) say(`  ${name}`)
  const shown = files.find(({ name }) => name.includes('20190721T080000'))
  if (shown !== undefined) await showPhoto(folder, join(shown.parentPath, shown.name))
}

async function showPhoto(folder: string, pathAfter: string): Promise<void> {
  const pathBefore = join(folder, SHOWN)
  const file = layOut(samplePlan(SAMPLE)).files.find(({ path }) => path.endsWith(`/${SHOWN}`))
  if (file !== undefined) await writeFile(pathBefore, await file.content())
  const exiftool = new ExifTool()
  try {
    const readArgs = SHOWN_TAGS.flatMap(([, ...tags]) => tags.map((tag) => `-${tag}`))
    const [before, after] = await Promise.all(
      [pathBefore, pathAfter].map((path) => exiftool.readRaw(path, { readArgs })),
    )
    say('', 'One photo, as exiftool reads it before and after:')
    showRow('', 'before', 'after')
    showRow('name', SHOWN, basename(pathAfter))
    for (const [label, ...tags] of SHOWN_TAGS)
      showRow(label, shownValue(before, tags), shownValue(after, tags))
  } finally {
    await exiftool.end()
  }
}

function shownValue(tags: unknown, names: readonly string[]): string {
  const values = tags as Readonly<Record<string, unknown>>
  const value = names.map((name) => values[name]).find((found) => found !== undefined)
  if (value === undefined) return '–'
  return Array.isArray(value) ? value.join(', ') : String(value)
}

function showRow(label: string, before: string, after: string): void {
  say(`  ${label.padEnd(10)} ${before.padEnd(25)} ${after}`)
}

function showCommands(folder: string, library: string): void {
  say(
    '',
    'Look further:',
    `  ${pathToFileURL(join(library, 'report-latest.html')).href}`,
    `  npx heirloom report ${quoted(library)}`,
    `  npx heirloom check ${quoted(library)} ${quoted(join(folder, 'export'))}/*.zip`,
    'Then your own:',
    '  npx heirloom ingest takeout-*.zip -o my-library',
    'Remove the demo:',
    `  rm -r ${quoted(folder)}`,
  )
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

function say(...lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}
