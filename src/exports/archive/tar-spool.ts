/**
 * Later passes over a tgz: unpacks wanted members to files, and reads the metadata that was not kept.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { HeirloomError } from '../../errors.ts'
import { CorruptEntryError, InputChangedError } from '../../storage/entry-errors.ts'
import type { ArchiveEntry } from './archive.ts'
import { drain, membersOf, type TarMember } from './tar-members.ts'
import { isKeptText, type TextStore } from './text-store.ts'

/** A pass over an archive for some of its entries. */
export interface TarPass {
  readonly file: string
  readonly archiveBytes: number
  /** The wanted entries by the number of their member. */
  readonly wanted: ReadonlyMap<number, ArchiveEntry>
  readonly signal?: AbortSignal
}

/**
 * Streams the archive once and writes each wanted entry to `fileFor(entry)`, replacing what is there; ends behind
 * the last one.
 *
 * @throws {@link InputChangedError} when a member is not the one that was listed, {@link CorruptEntryError} when
 *   the archive ends early: it did not when it was listed.
 */
export async function* spoolTar(
  pass: TarPass,
  fileFor: (entry: ArchiveEntry) => string,
): AsyncGenerator<ArchiveEntry> {
  let left = pass.wanted.size
  if (left === 0) return
  for await (const { entry, member } of wantedMembers(pass)) {
    if (entry === undefined) await drain(member)
    else {
      await writeMember(member, entry, fileFor(entry))
      yield entry
      left -= 1
      if (left === 0) return
    }
  }
  throw new CorruptEntryError(pass.file, `archive ended before ${left} entries that were listed`)
}

async function* wantedMembers(
  pass: TarPass,
): AsyncGenerator<{ entry: ArchiveEntry | undefined; member: TarMember }> {
  let ordinal = 0
  try {
    for await (const member of membersOf(pass.file, pass.archiveBytes, pass.signal)) {
      yield { entry: pass.wanted.get(ordinal), member: { header: member.header, ...guard(member, pass) } }
      ordinal += 1
    }
  } catch (error) {
    throw asCorrupt(error, pass)
  }
}

/** The same bytes; whatever goes wrong with the archive is told as such. */
function guard(member: TarMember, pass: TarPass): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* member
      } catch (error) {
        throw asCorrupt(error, pass)
      }
    },
  }
}

function asCorrupt(error: unknown, { file, signal }: TarPass): unknown {
  if (signal?.aborted === true) return signal.reason
  if (error instanceof HeirloomError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new CorruptEntryError(file, message, { cause: error })
}

async function writeMember(member: TarMember, entry: ArchiveEntry, target: string): Promise<void> {
  const handle = await open(target, 'w', 0o600)
  const hash = createHash('sha1')
  try {
    for await (const chunk of member) {
      hash.update(chunk)
      await handle.writeFile(chunk)
    }
  } finally {
    await handle.close()
  }
  if (hash.digest('hex') !== entry.contentHint) {
    throw new InputChangedError(entry.path, 'it has another content than when it was listed')
  }
}

/**
 * Reads one entry as a whole, and keeps every small text that comes behind it, so that reading metadata in the
 * archive's order takes few passes.
 */
export async function readTarText(pass: TarPass, ordinal: number, texts: TextStore): Promise<Buffer> {
  texts.clear()
  let found: Buffer | undefined
  let number = -1
  const last = pass.wanted.keys().reduce((highest, key) => Math.max(highest, key), ordinal)
  for await (const { entry, member } of wantedMembers(pass)) {
    number += 1
    if (number === ordinal) found = await readMember(member)
    else if (number > ordinal && fits(entry, texts)) texts.add(number, await readMember(member))
    else await drain(member)
    // Nothing more fits, or the archive ends behind the last entry that was listed, perhaps in damage.
    const isDone = number >= last || !texts.hasRoomFor(1)
    if (found !== undefined && isDone) break
  }
  if (found === undefined) throw new CorruptEntryError(pass.file, `archive has no member ${ordinal} any more`)
  return found
}

function fits(entry: ArchiveEntry | undefined, texts: TextStore): boolean {
  return entry !== undefined && isKeptText(entry.path, entry.sizeBytes) && texts.hasRoomFor(entry.sizeBytes)
}

async function readMember(member: TarMember): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const chunk of member) parts.push(chunk)
  return Buffer.concat(parts)
}
