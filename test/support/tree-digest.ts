/**
 * What a folder holds, as one list and one hash: for "inputs are unchanged" and "the same library as without the
 * crash".
 *
 * Symbolic links are listed with their target and never followed. Folders' own times are left out: writing a file
 * and taking it away changes them, and no content is in them.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface TreeOptions {
  /** Paths, with `/`, relative to the folder; a folder's whole content is left out with it. */
  readonly ignore?: (path: string) => boolean
  /** Whether modification times count; default true. */
  readonly times?: boolean
  /** Whether permissions count; default true. */
  readonly modes?: boolean
  /** Whether inode numbers count: a file that was rewritten has another one. Default false. */
  readonly inodes?: boolean
}

/** Path → one line of facts: `file 1234 <sha1> <mtime> <mode>`, `folder <mode>`, `link <target>`. */
export type TreeFacts = ReadonlyMap<string, string>

/** For two runs of a library: what legitimately differs is the database and the reports, which tell durations. */
export function ignoreState(path: string): boolean {
  return path === '.heirloom' || /^report-[^/]*$/.test(path)
}

export async function treeFacts(folder: string, options: TreeOptions = {}): Promise<TreeFacts> {
  const facts = new Map<string, string>()
  await walk(folder, '', options, facts)
  return facts
}

/** SHA-1 over all facts, in the order of the paths. */
export async function treeDigest(folder: string, options: TreeOptions = {}): Promise<string> {
  const hash = createHash('sha1')
  for (const [path, fact] of await treeFacts(folder, options)) hash.update(`${path}\0${fact}\n`)
  return hash.digest('hex')
}

/** Lines like `changed a.jpg: file 1 … → file 2 …`, `added …`, `removed …`; empty when nothing differs. */
export function treeChanges(before: TreeFacts, after: TreeFacts): string[] {
  const changes: string[] = []
  for (const [path, fact] of before) {
    const now = after.get(path)
    if (now === undefined) changes.push(`removed ${path}`)
    else if (now !== fact) changes.push(`changed ${path}: ${fact} → ${now}`)
  }
  for (const path of after.keys()) if (!before.has(path)) changes.push(`added ${path}`)
  return changes
}

async function walk(
  root: string,
  under: string,
  options: TreeOptions,
  facts: Map<string, string>,
): Promise<void> {
  const names = (await readdir(join(root, under))).sort()
  for (const name of names) {
    const path = under === '' ? name : `${under}/${name}`
    if (options.ignore?.(path) === true) continue
    const { fact, isFolder } = await factOf(join(root, path), options)
    facts.set(path, fact)
    if (isFolder) await walk(root, path, options, facts)
  }
}

async function factOf(path: string, options: TreeOptions): Promise<{ fact: string; isFolder: boolean }> {
  const stats = await lstat(path, { bigint: true })
  const mode = options.modes === false ? '' : ` ${(Number(stats.mode) & 0o7777).toString(8)}`
  if (stats.isDirectory()) return { fact: `folder${mode}`, isFolder: true }
  if (stats.isSymbolicLink()) return { fact: `link ${await readlink(path)}`, isFolder: false }
  if (!stats.isFile()) return { fact: `special${mode}`, isFolder: false }
  const time = options.times === false ? '' : ` ${stats.mtimeNs}`
  const inode = options.inodes === true ? ` #${stats.ino}` : ''
  return { fact: `file ${stats.size} ${await sha1Of(path)}${time}${mode}${inode}`, isFolder: false }
}

async function sha1Of(path: string): Promise<string> {
  const hash = createHash('sha1')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
