/**
 * `thumbs`: thumbnails of photos of 12 and 24 megapixels by `heirloom thumbs`, by the design of the seed document, and by
 * `vipsthumbnail` of libvips.
 *
 * Processor time of the whole process tree is what counts, starts included; images a second are printed besides. All
 * programs get the same files, whose pages are in memory, and their outputs are counted and measured.
 *
 * @module
 */

import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { plainJpegQuality } from '../src/media/thumbnail/encoder.ts'
import type { ThumbsSummary } from '../src/tasks/thumbnail-api.ts'
import type { BenchArgs } from './args.ts'
import { machine, runNode } from './measure.ts'
import { printTable, printVerdict } from './print.ts'
import { PHOTO_SIZES, type PhotoFacts, type PhotoSize, thumbPhotos } from './thumbs-photos.ts'
import { measureQuality, type Quality } from './thumbs-quality.ts'
import { endedChildrenCpuMs } from './tree-memory.ts'
import { freshOutput, type MadeInput, needSpace, removeOutputs, settle } from './workspace.ts'

const HEIRLOOM = fileURLToPath(new URL('../bin/heirloom.js', import.meta.url))
const SEED = fileURLToPath(new URL('thumbs-seed.ts', import.meta.url))
const BOTH = [1440, 250]
const FILES_A_CALL = 25

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
}

interface Contender {
  readonly name: string
  readonly sizes: readonly number[]
  readonly run: (from: string, to: string) => Promise<Cost>
}

export async function benchThumbs({ quick, items, workers }: BenchArgs): Promise<void> {
  if (endedChildrenCpuMs() === undefined)
    throw new Error('processor times come from /proc, which is missing here')
  const photos = Math.ceil((items?.[0] ?? (quick ? 12 : 500)) / PHOTO_SIZES.length)
  await needSpace(photos * PHOTO_SIZES.length * 1_500_000)
  const contenders = contendersOf(workers)
  const costs = new Map(contenders.map(({ name }) => [name, [] as Cost[]]))
  const qualities: (readonly [string, Quality[]])[] = []
  // All photos first: whoever renders a thumbnail in a process shuts its libvips to the SVG that they are painted with.
  const inputs: (readonly [PhotoSize, MadeInput<PhotoFacts>])[] = []
  for (const size of PHOTO_SIZES) inputs.push([size, await thumbPhotos(size, photos)])
  for (const [size, { folder, facts }] of inputs) {
    console.log(
      `${facts.photos} photos of ${size.name}, ${(facts.bytes / facts.photos / 1e6).toFixed(1)} MB each`,
    )
    for (const contender of contenders)
      costs.get(contender.name)?.push(await takeTurn(contender, folder, photos))
    qualities.push([size.name, await measureQuality(folder, quick ? 2 : 8)])
  }
  await removeOutputs()
  console.log(`\n${workers} at a time; ${machine()}`)
  printCosts(contenders, costs, photos)
  printRatios(costs)
  printQualities(qualities)
}

function contendersOf(workers: number): Contender[] {
  const vips = hasVips()
  const ours = (name: string, sizes: readonly number[], ...options: string[]): Contender => ({
    name,
    sizes,
    run: (from, to) => runOurs(from, to, ['--sizes', sizes.join(), '--workers', String(workers), ...options]),
  })
  if (!vips) console.log('vipsthumbnail is missing (package libvips-tools): not compared')
  return [
    { name: 'seed', sizes: BOTH, run: (from, to) => runCpu(() => runNode([SEED, from, to, BOTH.join()])) },
    ours('heirloom', BOTH),
    ours('heirloom --mozjpeg', BOTH, '--mozjpeg'),
    ...(vips ? [vipsOf(BOTH, workers)] : []),
    ours('heirloom, 250 alone', [250]),
    ...(vips ? [{ ...vipsOf([250], workers), name: 'vipsthumbnail, 250 alone' }] : []),
  ]
}

/** The turn's processor time; throws when a thumbnail is missing or has another size. */
async function takeTurn(contender: Contender, folder: string, photos: number): Promise<Cost> {
  for (const name of readdirSync(folder)) readFileSync(join(folder, name))
  const output = await freshOutput('thumbs')
  settle()
  const cost = await contender.run(folder, output)
  const made = readdirSync(output).filter((name) => name.endsWith('.jpg'))
  if (made.length !== photos * contender.sizes.length) {
    throw new Error(`${contender.name} made ${made.length} files of ${photos} photos`)
  }
  for (const sizePx of contender.sizes) {
    const first = made.find((name) => name.includes(`-${sizePx}.`))
    const { width, height } = await sharp(join(output, first ?? '')).metadata()
    if (Math.max(width, height) !== sizePx) throw new Error(`${first} is ${width} x ${height}`)
  }
  console.log(`  ${contender.name}: ${(cost.cpuMs / photos).toFixed(0)} ms a photo`)
  return cost
}

async function runOurs(from: string, to: string, options: readonly string[]): Promise<Cost> {
  const { cost, value } = await runCpuOf(() =>
    runNode([HEIRLOOM, 'thumbs', from, '-o', to, '--json', ...options]),
  )
  const { made, failed, unsupported, damaged } = JSON.parse(value.stdout) as ThumbsSummary
  if (failed + unsupported + damaged > 0 || made === 0) throw new Error(value.stdout)
  return cost
}

/** vipsthumbnail makes one size a call; the quality is ours, so that it encodes alike. */
function vipsOf(sizes: readonly number[], workers: number): Contender {
  const quality = plainJpegQuality(85)
  const callsOf = (from: string, to: string): string[][] => {
    const files = readdirSync(from).map((name) => join(from, name))
    const calls: string[][] = []
    for (let at = 0; at < files.length; at += FILES_A_CALL) {
      for (const sizePx of sizes) {
        const form = `${to}/%s-${sizePx}.jpg[Q=${quality},strip]`
        calls.push([
          '--size',
          String(sizePx),
          '-o',
          form,
          '--vips-concurrency=1',
          ...files.slice(at, at + FILES_A_CALL),
        ])
      }
    }
    return calls
  }
  const run = (from: string, to: string): Promise<Cost> =>
    runCpu(async () => {
      const queue = callsOf(from, to).values()
      await Promise.all(Array.from({ length: workers }, () => callVips(queue)))
    })
  return { name: 'vipsthumbnail', sizes, run }
}

async function callVips(queue: Iterator<string[]>): Promise<void> {
  for (let next = queue.next(); next.done !== true; next = queue.next()) {
    const child = spawn('vipsthumbnail', next.value, { stdio: ['ignore', 'ignore', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`vipsthumbnail exited with ${code}`)),
      )
    })
  }
}

function hasVips(): boolean {
  return spawnSync('vipsthumbnail', ['--vips-version'], { stdio: 'ignore' }).status === 0
}

async function runCpu(work: () => Promise<unknown>): Promise<Cost> {
  return (await runCpuOf(work)).cost
}

async function runCpuOf<Value>(work: () => Promise<Value>): Promise<{ cost: Cost; value: Value }> {
  const [cpuBefore, startedAt] = [endedChildrenCpuMs() ?? 0, performance.now()]
  const value = await work()
  return {
    cost: { wallMs: performance.now() - startedAt, cpuMs: (endedChildrenCpuMs() ?? 0) - cpuBefore },
    value,
  }
}

function total(costs: readonly Cost[] | undefined): Cost | undefined {
  if (costs === undefined || costs.length === 0) return undefined
  return costs.reduce((sum, cost) => ({ wallMs: sum.wallMs + cost.wallMs, cpuMs: sum.cpuMs + cost.cpuMs }))
}

function printCosts(
  contenders: readonly Contender[],
  costs: ReadonlyMap<string, Cost[]>,
  photos: number,
): void {
  const seedCpuMs = total(costs.get('seed'))?.cpuMs ?? Number.NaN
  const rows = contenders.map(({ name, sizes }) => {
    const [all, each] = [total(costs.get(name)), costs.get(name) ?? []]
    const count = photos * each.length
    return [
      name,
      sizes.join(' + '),
      ...each.map(({ cpuMs }) => (cpuMs / photos).toFixed(0)),
      ((all?.cpuMs ?? 0) / count).toFixed(0),
      ((count * 1000) / (all?.wallMs ?? Number.NaN)).toFixed(1),
      `${(seedCpuMs / (all?.cpuMs ?? Number.NaN)).toFixed(2)} x`,
    ]
  })
  const sizes = PHOTO_SIZES.map(({ name }) => `CPU ms, ${name}`)
  printTable(['', 'sizes', ...sizes, 'CPU ms, all', 'images/s', 'per CPU s'], rows)
}

const TARGETS = [
  ['heirloom', 'seed', 3.4],
  ['heirloom --mozjpeg', 'seed', 1.7],
  ['heirloom', 'vipsthumbnail', 1.15],
  ['heirloom, 250 alone', 'vipsthumbnail, 250 alone', 0.9],
] as const

function printRatios(costs: ReadonlyMap<string, Cost[]>): void {
  for (const [ours, theirs, target] of TARGETS) {
    const [our, their] = [total(costs.get(ours)), total(costs.get(theirs))]
    if (our === undefined || their === undefined) continue
    const ratio = their.cpuMs / our.cpuMs
    printVerdict(`${ours} against ${theirs}`, `${ratio.toFixed(2)} x`, `${target} x`, ratio >= target)
  }
}

function printQualities(qualities: readonly (readonly [string, Quality[]])[]): void {
  const percent = (ratio: number): string => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(1)} %`
  const rows = qualities.flatMap(([photos, measured]) =>
    measured.map(({ encoder, sizePx, ssim, bytes, ssimRatio, bytesRatio }) => [
      `${photos}, ${sizePx} px, ${encoder}`,
      ssim.toFixed(4),
      percent(ssimRatio),
      bytes.toFixed(0),
      percent(bytesRatio),
    ]),
  )
  console.log('')
  printTable(['quality, medians', 'SSIM', 'to the seed', 'bytes', 'to the seed'], rows)
  const ours = qualities.flatMap(([, measured]) => measured.filter(({ encoder }) => encoder === 'default'))
  const off = Math.max(...ours.flatMap((one) => [Math.abs(1 - one.ssimRatio), Math.abs(1 - one.bytesRatio)]))
  printVerdict(
    'default output against mozjpeg 85',
    `${(off * 100).toFixed(1)} % off at most`,
    'within 5 %',
    off <= 0.05,
  )
}
