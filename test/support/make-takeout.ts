/**
 * Writes a takeout as a folder, as zip parts or as one tgz, with everything such exports have in real life.
 *
 * `makeTakeout` is the one call that tests need; `layOut` (in `takeout-layout.ts`) and `samplePlan` (in
 * `takeout-sample.ts`) are its two halves. Zip and tgz are built in memory: for big inputs use a folder.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { layOut, type MediaTruth, type TakeoutFile, type TakeoutPlan } from './takeout-layout.ts'
import { type SampleOptions, samplePlan } from './takeout-sample.ts'
import { writeTgz } from './tar-writer.ts'
import { writeZip } from './zip-writer.ts'

export type { MediaTruth, TakeoutItem, TakeoutPlan } from './takeout-layout.ts'

export interface TakeoutOptions extends SampleOptions {
  /** Default: a folder. */
  readonly form?: 'folder' | 'zip' | 'tgz'
  /** Zip parts, default 2; with more than one, JSON files lie in the part after their photo's. */
  readonly parts?: number
  /** Stem of the archives' names; default `takeout-20240101T000000Z`. */
  readonly name?: string
  /** What it holds; default: the sample, see `samplePlan`. */
  readonly plan?: TakeoutPlan
}

export interface MadeTakeout {
  /** Absolute paths to give to `heirloom ingest`: the folder, or all parts in order. */
  readonly inputs: readonly string[]
  /** All files in the export, media or not. */
  readonly fileCount: number
  readonly media: readonly (MediaTruth & { readonly sha1: string; readonly sizeBytes: number })[]
}

/** When the export was made: modification time of every file, epoch milliseconds. */
export const EXPORTED_AT: number = Date.UTC(2024, 0, 1)

/** Writes into `folder`, which is made when it is not there. Same bytes for the same options. */
export async function makeTakeout(folder: string, options: TakeoutOptions = {}): Promise<MadeTakeout> {
  const { files, media } = layOut(options.plan ?? samplePlan(options))
  const facts = new Map<string, { sha1: string; sizeBytes: number }>()
  const read = async ({ path, content }: TakeoutFile): Promise<Buffer> => {
    const bytes = await content()
    facts.set(path, { sha1: createHash('sha1').update(bytes).digest('hex'), sizeBytes: bytes.length })
    return bytes
  }
  await mkdir(folder, { recursive: true })
  const inputs = await write(folder, files, options, read)
  return {
    inputs,
    fileCount: files.length,
    media: media.map((truth) => ({ ...truth, ...facts.get(truth.path)! })),
  }
}

type Read = (file: TakeoutFile) => Promise<Buffer>

async function write(
  folder: string,
  files: readonly TakeoutFile[],
  options: TakeoutOptions,
  read: Read,
): Promise<string[]> {
  const stem = join(folder, options.name ?? 'takeout-20240101T000000Z')
  switch (options.form ?? 'folder') {
    case 'folder':
      return await writeFolder(folder, files, read)
    case 'zip':
      return await writeParts(stem, files, options.parts ?? 2, read)
    case 'tgz':
      return await writeTarball(`${stem}-001.tgz`, files, read)
  }
}

async function writeFolder(folder: string, files: readonly TakeoutFile[], read: Read): Promise<string[]> {
  for (const file of files) {
    const path = join(folder, file.path)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, await read(file))
    await utimes(path, EXPORTED_AT / 1000, EXPORTED_AT / 1000)
  }
  return [folder]
}

async function writeParts(
  stem: string,
  files: readonly TakeoutFile[],
  partCount: number,
  read: Read,
): Promise<string[]> {
  const paths: string[] = []
  for (let part = 0; part < partCount; part += 1) {
    const own = files.filter((file, index) => partOf(file.path, index, files.length, partCount) === part)
    const entries = []
    for (const file of own) entries.push(await zipEntry(file, read))
    const path = `${stem}-${String(part + 1).padStart(3, '0')}.zip`
    await writeFile(path, writeZip(entries))
    paths.push(path)
  }
  return paths
}

async function zipEntry(
  file: TakeoutFile,
  read: Read,
): Promise<{ name: string; data: Buffer; stored: boolean; descriptor: boolean; modifiedAtSeconds: number }> {
  const data = await read(file)
  // Google deflates everything, media too, and streams: sizes come behind the data.
  return { name: file.path, data, stored: false, descriptor: true, modifiedAtSeconds: EXPORTED_AT / 1000 }
}

/** Google cuts a takeout by size, so a JSON may come a part later than its photo; here all of them do. */
function partOf(path: string, index: number, fileCount: number, partCount: number): number {
  const part = Math.floor((index * partCount) / fileCount)
  return path.endsWith('.json') ? (part + 1) % partCount : part
}

async function writeTarball(path: string, files: readonly TakeoutFile[], read: Read): Promise<string[]> {
  const members = []
  for (const file of files) members.push({ name: file.path, data: await read(file), modifiedAt: EXPORTED_AT })
  await writeFile(path, await writeTgz(members))
  return [path]
}
