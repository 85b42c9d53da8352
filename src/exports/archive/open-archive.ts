/**
 * Opens an export: a folder, a zip, a tgz, or any number of these as the parts of one.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { EntryTooLargeError } from '../../storage/entry-errors.ts'
import { closeIdleArchives, openEntry } from '../../storage/entry-reader.ts'
import type { Archive, ArchiveEntry, ArchiveProblem } from './archive.ts'
import { InputUnreadableError, NotAnExportError } from './archive-errors.ts'
import { listFolder } from './folder.ts'
import { mergeParts, type Part } from './merge-parts.ts'
import { isArchiveName, missingParts } from './part-name.ts'
import { listTar } from './tar.ts'
import { readTarText, spoolTar } from './tar-spool.ts'
import type { TextStore } from './text-store.ts'
import { listZip } from './zip.ts'

export interface OpenArchiveOptions {
  /** Ends the listing, which of a tgz takes as long as reading all of it. */
  readonly signal?: AbortSignal
}

interface OpenPart extends Part {
  readonly sizeBytes: number
  readonly problems: readonly ArchiveProblem[]
  /** Small texts of a tar, by the number of the member. */
  readonly texts?: TextStore
}

/**
 * Opens the inputs as one export, in the order of their part numbers.
 *
 * @param inputs - Paths of folders and archives, in any order.
 * @throws {@link InputUnreadableError} when an input is not there or may not be read, {@link NotAnExportError} when
 *   it is neither a folder nor an archive. Whatever is wrong inside one is in `problems`.
 */
export async function openArchive(
  inputs: readonly string[],
  options: OpenArchiveOptions = {},
): Promise<Archive> {
  const paths = [...new Set(inputs.map((input) => resolve(input)))].sort(byPartNumber)
  const parts: OpenPart[] = []
  for (const path of paths) parts.push(await openPart(path, options.signal))
  const merged = await mergeParts(parts)
  const problems = [
    ...missingParts(paths.map((path) => basename(path))),
    ...parts.flatMap((part) => part.problems.map((problem) => inPart(problem, part, parts.length))),
    ...merged.problems,
  ]
  return toArchive(paths, parts, merged.entries, problems)
}

/** Natural order: part 2 before part 10. */
/** Made when two names are first compared: it takes 15 ms. */
let collator: Intl.Collator | undefined

function compareNames(left: string, right: string): number {
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(left, right)
}

/** Parts may lie in different folders: the file's name decides, the folder only between equal ones. */
function byPartNumber(a: string, b: string): number {
  return compareNames(basename(a), basename(b)) || compareNames(a, b)
}

/** With several parts, a problem that has no path says which part it is about. */
function inPart(problem: ArchiveProblem, part: OpenPart, partCount: number): ArchiveProblem {
  if (problem.path !== undefined || partCount === 1) return problem
  return { ...problem, message: `${basename(part.input)}: ${problem.message}` }
}

async function openPart(input: string, signal: AbortSignal | undefined): Promise<OpenPart> {
  const stats = await stat(input).catch((error: unknown) => {
    throw new InputUnreadableError(input, error)
  })
  const sizeBytes = stats.size
  if (stats.isDirectory()) return { input, sizeBytes, ...(await listFolder(input, signal)) }
  if (!stats.isFile()) throw new NotAnExportError(input)
  const format = sniff(input)
  try {
    return format === 'zip'
      ? { input, sizeBytes, ...(await listZip(input, signal)) }
      : { input, sizeBytes, ...(await listTar(input, sizeBytes, signal)) }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'syscall' in error) throw new InputUnreadableError(input, error)
    throw error
  }
}

/** By content, as browsers and people rename downloads; by name when there is too little content. */
function sniff(input: string): 'zip' | 'tar' {
  const head = readHead(input)
  if (head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06')) return 'zip'
  if (head.startsWith('\x1F\x8B') || head.slice(257, 262) === 'ustar') return 'tar'
  if (!isArchiveName(basename(input))) throw new NotAnExportError(input)
  return /\.zip$/iu.test(input) ? 'zip' : 'tar'
}

/** One character a byte. */
function readHead(input: string): string {
  try {
    const descriptor = openSync(input, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const buffer = Buffer.alloc(Math.min(512, fstatSync(descriptor).size))
      const found = readSync(descriptor, buffer, 0, buffer.length, 0)
      return buffer.toString('latin1', 0, found)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw new InputUnreadableError(input, error)
  }
}

function toArchive(
  inputs: readonly string[],
  parts: readonly OpenPart[],
  entries: readonly ArchiveEntry[],
  problems: readonly ArchiveProblem[],
): Archive {
  const partOf = new Map(parts.map((part) => [part.input, part]))
  return {
    inputs,
    entries,
    problems,
    randomAccess: entries.every(({ source }) => source.kind !== 'stream'),
    readSmall: async (entry, maxBytes) => {
      if (entry.sizeBytes > maxBytes) throw new EntryTooLargeError(entry.path, entry.sizeBytes, maxBytes)
      const { source } = entry
      const part = source.kind === 'stream' ? partOf.get(source.file) : undefined
      if (source.kind !== 'stream' || part?.texts === undefined) return readRandom(entry, maxBytes)
      return part.texts.get(source.ordinal) ?? readTarText(tarPass(part, entries), source.ordinal, part.texts)
    },
    async *spool(wanted, fileFor, signal) {
      const chosen = entries.filter(wanted)
      for (const part of parts) {
        if (part.texts !== undefined) yield* spoolTar({ ...tarPass(part, chosen), signal }, fileFor)
      }
      for (const entry of chosen) {
        if (entry.source.kind === 'stream') continue
        await copyEntry(entry, fileFor(entry), signal)
        yield entry
      }
    },
    close: async () => {
      for (const part of parts) part.texts?.clear()
      closeIdleArchives()
    },
  }
}

function tarPass(
  { input, sizeBytes }: OpenPart,
  entries: readonly ArchiveEntry[],
): { file: string; archiveBytes: number; wanted: Map<number, ArchiveEntry> } {
  const wanted = new Map<number, ArchiveEntry>()
  for (const entry of entries) {
    const { source } = entry
    if (source.kind === 'stream' && source.file === input) wanted.set(source.ordinal, entry)
  }
  return { file: input, archiveBytes: sizeBytes, wanted }
}

async function readRandom(entry: ArchiveEntry, maxBytes: number): Promise<Buffer> {
  const reader = await openEntry(entry.source, entry.sizeBytes)
  try {
    return await reader.readAll(maxBytes)
  } finally {
    await reader.close()
  }
}

async function copyEntry(entry: ArchiveEntry, target: string, signal: AbortSignal): Promise<void> {
  const reader = await openEntry(entry.source, entry.sizeBytes)
  try {
    const handle = await open(target, 'w', 0o600)
    try {
      for await (const chunk of reader.stream(signal)) await handle.writeFile(chunk)
    } finally {
      await handle.close()
    }
  } finally {
    await reader.close()
  }
}
