/**
 * Lists a tgz or tar archive as part of an export.
 *
 * A compressed stream can only be read from its beginning, so the listing pass, which has to inflate every byte
 * anyway, takes along what will be asked for: the SHA-1 of each member, and the bytes of small text files, which
 * are the metadata. What does not fit into memory is read again in passes of its own.
 *
 * Only regular files are delivered. Links, devices, sparse files and names that lead out of the export each get a
 * problem; an archive that breaks off keeps what came before.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Header } from 'tar-stream'
import type { ArchiveEntry, ArchiveProblem } from './archive.ts'
import { toEntryPath } from './entry-path.ts'
import { bombProblem } from './limits.ts'
import { BombSuspected, drain, membersOf, type TarMember } from './tar-members.ts'
import { isKeptText, TextStore } from './text-store.ts'

const DOWNLOAD_AGAIN = 'Download that part again.'

export interface TarListing {
  /** May hold a path twice: the merge settles that. */
  readonly entries: ArchiveEntry[]
  readonly problems: ArchiveProblem[]
  readonly texts: TextStore
}

/** Lists the archive at `file` (absolute). Reads all of it. */
export async function listTar(file: string, archiveBytes: number, signal?: AbortSignal): Promise<TarListing> {
  const listing: TarListing = { entries: [], problems: [], texts: new TextStore() }
  if (archiveBytes === 0) {
    listing.problems.push({ code: 'unreadable', message: 'archive is empty', hint: DOWNLOAD_AGAIN })
    return listing
  }
  let current: Header | undefined
  try {
    let ordinal = 0
    for await (const member of membersOf(file, archiveBytes, signal)) {
      current = member.header
      await listMember(member, ordinal, file, listing)
      current = undefined
      ordinal += 1
    }
  } catch (error) {
    signal?.throwIfAborted()
    listing.problems.push(...whyItEnded(error, current))
  }
  return listing
}

async function listMember(
  member: TarMember,
  ordinal: number,
  file: string,
  listing: TarListing,
): Promise<void> {
  const { header } = member
  const named = toEntryPath(header.name)
  const problem = 'refused' in named ? unsafeName(header, named.refused) : judgeType(header, named.path)
  if (problem !== undefined) listing.problems.push(problem)
  if (problem !== undefined || 'refused' in named || header.type === 'directory') return drain(member)
  if (named.isFolder) {
    if (header.size > 0) listing.problems.push(unsafeName(header, 'its name is that of a folder'))
    return drain(member)
  }
  const { path } = named
  if (named.hadBackslash) {
    const message = 'is named with backslashes, which were read as folders'
    listing.problems.push({ path, sizeBytes: header.size, code: 'unsafe-name', delivered: true, message })
  }
  const modifiedAt = header.mtime.getTime()
  listing.entries.push({
    path,
    sizeBytes: header.size,
    contentHint: await readListed(member, ordinal, path, listing.texts),
    source: { kind: 'stream', file, ordinal },
    ...(modifiedAt > 0 ? { modifiedAt } : {}),
  })
}

/** Hashes a member, and keeps its bytes when it is a small text. Answers the SHA-1. */
async function readListed(
  member: TarMember,
  ordinal: number,
  path: string,
  texts: TextStore,
): Promise<string> {
  const { size } = member.header
  const keeps = isKeptText(path, size) && texts.hasRoomFor(size)
  const kept: Buffer[] = []
  const hash = createHash('sha1')
  for await (const chunk of member) {
    hash.update(chunk)
    if (keeps) kept.push(chunk)
  }
  if (keeps) texts.add(ordinal, Buffer.concat(kept))
  return hash.digest('hex')
}

function unsafeName({ name, size }: Header, message: string): ArchiveProblem {
  const hint = 'Unpack the archive with a program that you trust and give the folder.'
  return { path: name.slice(0, 1024), sizeBytes: size, code: 'unsafe-name', message, hint }
}

function judgeType(header: Header, path: string): ArchiveProblem | undefined {
  const sizeBytes = header.size
  // tar-stream answers null for types that it does not know, against its declaration.
  const type: string | null | undefined = header.type
  const isSparse = Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))
  if (isSparse || type === null || type === undefined) {
    const what = isSparse ? 'a sparse file' : 'a member of unknown type'
    const hint = 'Unpack the archive and give the folder.'
    return {
      path,
      sizeBytes,
      code: 'unsupported-method',
      message: `is ${what}, which is not supported`,
      hint,
    }
  }
  if (type === 'file' || type === 'contiguous-file' || type === 'directory') return undefined
  if (type === 'symlink' || type === 'link') {
    const message = `is a link to ${header.linkname.slice(0, 1024)}, links are not followed`
    return { path, sizeBytes, code: 'link', message }
  }
  return { path, sizeBytes, code: 'special-file', message: 'is a pipe or device' }
}

/** The member that was being read when it ended is one problem, the archive itself another. */
function whyItEnded(error: unknown, current: Header | undefined): ArchiveProblem[] {
  const hint = DOWNLOAD_AGAIN
  if (error instanceof BombSuspected) {
    if (current === undefined) return [{ code: 'bomb', message: error.message }]
    return [bombProblem(current.name.slice(0, 1024), current.size, error.message)]
  }
  const message = error instanceof Error ? error.message : String(error)
  const isCut = /unexpected end/iu.test(message)
  const code = isCut ? 'truncated' : 'unreadable'
  const problems: ArchiveProblem[] = [
    { code, message: isCut ? 'archive is cut off' : `archive cannot be read further: ${message}`, hint },
  ]
  if (current !== undefined) {
    const sizeBytes = current.size
    const path = current.name.slice(0, 1024)
    problems.push({ path, sizeBytes, code, message: 'lies where the archive breaks off', hint })
  }
  return problems
}
