/**
 * Lists a zip archive as part of an export: which entries may be read, and why the others may not.
 *
 * Nothing is unpacked; every entry becomes a range that any process can read and check by itself. A problem is
 * always one entry's own: the rest goes on. An archive without its directory (a download that broke off) is
 * walked from the front, so that what is whole still arrives.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { ArchiveEntry, ArchiveProblem } from './archive.ts'
import { type EntryPath, toEntryPath } from './entry-path.ts'
import { bombProblem, maxUnpackedBytes, suspectEntry } from './limits.ts'
import { ByteWindow, readZipDirectory, type ZipRecord } from './zip-directory.ts'
import { type Salvage, salvageZip } from './zip-salvage.ts'

export interface ZipListing {
  /** May hold a path twice: the merge settles that. */
  readonly entries: ArchiveEntry[]
  readonly problems: ArchiveProblem[]
}

const ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
const LOCAL_HEADER_BYTES = 30

/** APPNOTE 4.4.5, those that programs really write. */
const METHOD_NAMES: Readonly<Record<number, string>> = {
  9: 'Deflate64',
  12: 'BZIP2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'XZ',
  98: 'PPMd',
  99: 'AES encryption',
}

const DOWNLOAD_AGAIN = 'Download that part again.'

/** The entries of the archive at `file` (absolute), in the order of its directory. */
export async function listZip(file: string, signal?: AbortSignal): Promise<ZipListing> {
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const bytes = new ByteWindow(descriptor, fstatSync(descriptor).size)
    const { records, dataEnd, problems } = await readRecords(bytes, signal)
    const judge = createJudge(records, bytes.sizeBytes, dataEnd)
    const entries: ArchiveEntry[] = []
    for (const record of records) addRecord(record, file, judge, { entries, problems })
    return { entries, problems }
  } finally {
    closeSync(descriptor)
  }
}

interface Records {
  readonly records: readonly ZipRecord[]
  /** Where the last entry has to end. */
  readonly dataEnd: number
  readonly problems: ArchiveProblem[]
}

async function readRecords(bytes: ByteWindow, signal: AbortSignal | undefined): Promise<Records> {
  const directory = readZipDirectory(bytes)
  if (directory === undefined)
    return withoutDirectory(bytes, await salvageZip(bytes, bytes.sizeBytes, signal))
  const { records, startOffset: dataEnd, damage } = directory
  if (damage === undefined) return { records, dataEnd, problems: [] }
  const known = new Set(records.map(({ headerOffset }) => headerOffset))
  const salvage = await salvageZip(bytes, dataEnd, signal)
  const found = salvage.records.filter(({ headerOffset }) => !known.has(headerOffset))
  const message = `${damage}; ${found.length} more were found by their data`
  const problem: ArchiveProblem = { code: 'unreadable', message, hint: DOWNLOAD_AGAIN }
  return { records: [...records, ...found], dataEnd, problems: [problem] }
}

function withoutDirectory(bytes: ByteWindow, { records, broken }: Salvage): Records {
  const dataEnd = bytes.sizeBytes
  if (records.length === 0 && broken === undefined) {
    const message = bytes.sizeBytes === 0 ? 'archive is empty' : 'is not a zip archive, or a damaged one'
    return { records, dataEnd, problems: [{ code: 'unreadable', message, hint: DOWNLOAD_AGAIN }] }
  }
  const message = `archive is cut off: its directory is missing, ${records.length} entries were found whole`
  const problems: ArchiveProblem[] = [{ code: 'truncated', message, hint: DOWNLOAD_AGAIN }]
  if (broken !== undefined) {
    problems.push({
      path: broken.name,
      code: 'truncated',
      message: 'lies where the archive breaks off',
      hint: DOWNLOAD_AGAIN,
    })
  }
  return { records, dataEnd, problems }
}

type Judge = (record: ZipRecord, path: string) => ArchiveProblem | undefined

function addRecord(record: ZipRecord, file: string, judge: Judge, listing: ZipListing): void {
  const { sizeBytes, headerOffset, compressedSize, method, modifiedAt } = record
  const named = toEntryPath(record.name)
  if ('refused' in named) {
    listing.problems.push(unsafeName(record, named.refused))
    return
  }
  if (named.isFolder && sizeBytes === 0) return
  const problem = named.isFolder
    ? unsafeName(record, 'its name is that of a folder')
    : judge(record, named.path)
  if (problem !== undefined || (method !== 0 && method !== 8)) {
    if (problem !== undefined) listing.problems.push(problem)
    return
  }
  if (named.hadBackslash) listing.problems.push(backslashes(named, sizeBytes))
  listing.entries.push({
    path: named.path,
    sizeBytes,
    contentHint: `${record.crc32.toString(16).padStart(8, '0')}:${sizeBytes}`,
    source: { kind: 'zip', file, headerOffset, compressedSize, method, crc32: record.crc32 },
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  })
}

function unsafeName({ name, sizeBytes }: ZipRecord, message: string): ArchiveProblem {
  const hint = 'Unpack the archive with a program that you trust and give the folder.'
  // Names of 64 KiB exist only to do harm; enough is kept to recognize it by.
  return { path: name.slice(0, 1024), sizeBytes, code: 'unsafe-name', message, hint }
}

function backslashes(named: Extract<EntryPath, { path: string }>, sizeBytes: number): ArchiveProblem {
  const message = 'is named with backslashes, which were read as folders'
  return { path: named.path, sizeBytes, code: 'unsafe-name', delivered: true, message }
}

/** Judges records one by one, counting the bytes that it let through. */
function createJudge(records: readonly ZipRecord[], archiveBytes: number, dataEnd: number): Judge {
  const overlapping = findOverlaps(records)
  const limitBytes = maxUnpackedBytes(archiveBytes)
  let passedBytes = 0
  return (record, path) => {
    const { sizeBytes } = record
    const problem = judgeKind(record, path) ?? judgeExtent(record, path, dataEnd)
    if (problem !== undefined) return problem
    if (overlapping.has(record)) return bombProblem(path, sizeBytes, 'shares its data with another entry')
    if (passedBytes + sizeBytes > limitBytes) {
      const message = `archive of ${archiveBytes} bytes would unpack to more than ${limitBytes}`
      return bombProblem(path, sizeBytes, message)
    }
    passedBytes += sizeBytes
    return undefined
  }
}

function judgeKind(record: ZipRecord, path: string): ArchiveProblem | undefined {
  const { sizeBytes, flags, method, unixMode } = record
  const fileType = unixMode & 0o170000
  if (fileType === 0o120000)
    return { path, sizeBytes, code: 'link', message: 'is a link, links are not followed' }
  if (fileType !== 0 && fileType !== 0o100000 && fileType !== 0o040000) {
    return { path, sizeBytes, code: 'special-file', message: 'is a pipe, socket or device' }
  }
  if ((flags & ENCRYPTED_FLAGS) !== 0) {
    const hint = 'Unpack the archive with its password and give the folder.'
    return { path, sizeBytes, code: 'encrypted', message: 'is encrypted', hint }
  }
  if (method !== 0 && method !== 8) {
    const message = `is packed by ${METHOD_NAMES[method] ?? `method ${method}`}, which is not supported`
    const hint = 'Unpack the archive and give the folder.'
    return { path, sizeBytes, code: 'unsupported-method', message, hint }
  }
  return undefined
}

function judgeExtent(record: ZipRecord, path: string, dataEnd: number): ArchiveProblem | undefined {
  const { sizeBytes, compressedSize, headerOffset } = record
  const end = headerOffset + LOCAL_HEADER_BYTES + compressedSize
  if (headerOffset < 0 || end > dataEnd) {
    const message = `needs the archive to have ${end} bytes of data, it has ${dataEnd}`
    return { path, sizeBytes, code: 'truncated', message, hint: DOWNLOAD_AGAIN }
  }
  const suspicion = suspectEntry(sizeBytes, compressedSize)
  return suspicion === undefined ? undefined : bombProblem(path, sizeBytes, suspicion)
}

/**
 * The records whose data reaches into the next one's. No honest program writes such an archive; David Fifield's
 * bombs (USENIX WOOT 2019) reach any ratio that way, each entry for itself below the limit. The one that reaches
 * too far is blamed, so that a single wrong length costs no other entry.
 */
function findOverlaps(records: readonly ZipRecord[]): ReadonlySet<ZipRecord> {
  const overlapping = new Set<ZipRecord>()
  let previous: ZipRecord | undefined
  for (const record of records.toSorted((a, b) => a.headerOffset - b.headerOffset)) {
    // The lengths of the local header's name and extra field are not known here: at least this much is taken.
    const reached =
      previous === undefined ? 0 : previous.headerOffset + LOCAL_HEADER_BYTES + previous.compressedSize
    if (previous !== undefined && reached > record.headerOffset) overlapping.add(previous)
    previous = record
  }
  return overlapping
}
