/**
 * The members of a tar or tgz as they stream past, without judgement.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { constants, createGunzip } from 'node:zlib'
import { type Extract, extract, type Header } from 'tar-stream'
import { maxUnpackedBytes } from './limits.ts'

const CHUNK_BYTES = 1024 * 1024

/** Two blocks of zeros end every tar (POSIX pax, "End-of-Archive"); without them it is cut off, between members perhaps. */
const END_BYTES = 1024
const END: Buffer = Buffer.alloc(END_BYTES)

/** The archive unpacks to more than any export does. */
export class BombSuspected extends Error {}

/** The blocks that end every tar are not there. */
class EndMissing extends Error {}

/** One file, folder or link of an archive; its bytes can be had once, before the next member is asked for. */
export interface TarMember extends AsyncIterable<Buffer> {
  readonly header: Header
}

/** Old archives (v7) have no magic number; the header's checksum is what tells a header from garbage. */
const EXTRACT_OPTIONS = { highWaterMark: CHUNK_BYTES, allowUnknownFormat: true }

/** The members in order. Each must be read to its end, or drained, before the next one is asked for. */
export async function* membersOf(
  file: string,
  archiveBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarMember> {
  const members = extract(EXTRACT_OPTIONS)
  // A member that is destroyed with the archive emits its error too: the loop below tells it.
  members.on('error', () => undefined)
  const pumping = pump(tarBytes(file, maxUnpackedBytes(archiveBytes), signal), members)
  // tar-stream only sees that the bytes end; why they do is known to the pump.
  const reason = async (error: unknown): Promise<unknown> => {
    members.destroy()
    const failure = await pumping
    return failure === undefined || failure instanceof EndMissing ? error : failure
  }
  try {
    for await (const member of members) yield { header: member.header, ...explained(member, reason) }
  } catch (error) {
    throw await reason(error)
  } finally {
    members.destroy()
    await pumping
  }
  const failure = await pumping
  if (failure !== undefined) throw failure
}

/** The bytes of a member; an error of them is replaced by its reason. */
function explained(
  bytes: AsyncIterable<unknown>,
  reason: (error: unknown) => Promise<unknown>,
): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for await (const chunk of bytes) yield chunk as Buffer
      } catch (error) {
        throw await reason(error)
      }
    },
  }
}

/**
 * Writes all chunks. What goes wrong with them is answered rather than thrown, and the members are ended, not
 * destroyed: everything before the damage is still to be read from them.
 */
async function pump(chunks: AsyncIterable<Buffer>, members: Extract): Promise<Error | undefined> {
  let failure: Error | undefined
  try {
    for await (const chunk of chunks) {
      if (members.destroying) return undefined
      if (!members.write(chunk)) await drained(members)
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
  }
  if (!members.destroying) members.end(null)
  return failure
}

function drained(members: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      members.off('drain', done)
      members.off('close', done)
      resolve()
    }
    members.on('drain', done)
    members.on('close', done)
    if (members.destroying) done()
  })
}

/** The tar itself, inflated where it is compressed. */
async function* tarBytes(
  file: string,
  limitBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES })
  // The flush at the end gives what a cut stream holds instead of throwing it away with an error.
  const options = { chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH }
  const gunzip = (await isGzip(file)) ? createGunzip(options) : undefined
  // Errors of either side surface in the loop: pipeline destroys the other with them.
  const bytes = gunzip === undefined ? source : pipeline(source, gunzip, () => undefined)
  let seenBytes = 0
  let tail = Buffer.alloc(0)
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    signal?.throwIfAborted()
    seenBytes += chunk.length
    if (seenBytes > limitBytes) {
      throw new BombSuspected(`archive would unpack to more than ${limitBytes} bytes`)
    }
    tail = Buffer.concat([tail, chunk.subarray(-END_BYTES)]).subarray(-END_BYTES)
    yield chunk
  }
  if (tail.length < END_BYTES || !tail.equals(END)) throw new EndMissing('unexpected end of the archive')
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await handle.close()
  }
}

/** Reads a member to its end, for nothing. */
export async function drain(member: TarMember): Promise<void> {
  for await (const _chunk of member);
}
