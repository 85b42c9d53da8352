/**
 * Resumable uploads that are under way: a file each for the bytes, and one for what is known of them.
 *
 * How far an upload is, is the length of its file and nothing else, so that a server that was killed resumes exactly
 * where the disk is. What does not begin like a photo or video is refused with its first bytes, not after gigabytes.
 * An upload that became a photo is remembered until it expires, because its sender may not have heard of it.
 *
 * @module
 */

import { constants } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { DataStore, ERRORS, Upload } from '@tus/server'
import type { Clock } from '../clock.ts'
import { systemCode } from '../errors.ts'
import { IDENTIFY_BYTES } from '../media/identify.ts'
import { requireMedia, shownName } from '../tasks/receive-photo.ts'
import { BodyGarbage } from './body-garbage.ts'
import { requireFreeRoom } from './free-room.ts'
import { RequestError } from './http-errors.ts'

/** From its beginning: long enough for a big file over a slow line, short enough not to fill the disk for ever. */
export const TUS_EXPIRATION_MS: number = 3 * 24 * 60 * 60_000

/** Uploads under way at once, over all senders. */
const MAX_OPEN = 1_000

export interface FinishedUpload {
  /** SHA-1, hex. */
  readonly photoId: string
  readonly duplicate: boolean
}

interface UploadFacts {
  readonly sizeBytes: number
  readonly metadata: Readonly<Record<string, string | null>>
  readonly createdAt: number
  readonly finished?: FinishedUpload
}

/** An upload whose bytes are all here. */
export interface CompleteUpload {
  readonly id: string
  readonly path: string
  readonly sizeBytes: number
  readonly fileName: string
  readonly folderId: string | undefined
}

export class TusStore extends DataStore {
  readonly #folder: string
  readonly #clock: Clock
  readonly #garbage = new BodyGarbage()

  constructor(folder: string, clock: Clock) {
    super()
    this.#folder = folder
    this.#clock = clock
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration']
  }

  override async create(upload: Upload): Promise<Upload> {
    const { id, size = 0, metadata = {} } = upload
    await mkdir(this.#folder, { recursive: true })
    await this.#requireRoom(size)
    const createdAt = this.#clock.now()
    const part = await open(this.#part(id), 'wx', 0o600)
    await part.close()
    await this.#writeFacts(id, { sizeBytes: size, metadata, createdAt })
    upload.creation_date = new Date(createdAt).toISOString()
    return upload
  }

  override async getUpload(id: string): Promise<Upload> {
    const { sizeBytes, metadata, createdAt, finished } = await this.#requireFacts(id)
    const offset = finished === undefined ? await this.#length(id) : sizeBytes
    const creation_date = new Date(createdAt).toISOString()
    return new Upload({ id, size: sizeBytes, offset, metadata: { ...metadata }, creation_date })
  }

  /** Answers how far the upload is then; what came before an error stays. */
  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const facts = await this.#requireFacts(id)
    if (facts.finished !== undefined) return facts.sizeBytes
    await using file = await open(this.#part(id), constants.O_RDWR)
    const writing = new PartWriter(file, offset, facts)
    try {
      for await (const chunk of this.#garbage.watch(stream)) await writing.take(chunk as Buffer)
      await writing.end()
    } catch (error) {
      if (isRefusal(error)) await this.remove(id)
      throw error
    } finally {
      // The offset that is answered is one that a power cut does not take back.
      await file.sync()
    }
    return writing.position
  }

  override async remove(id: string): Promise<void> {
    await this.#requireFacts(id)
    await rm(this.#part(id), { force: true })
    await rm(this.#facts(id), { force: true })
  }

  override getExpiration(): number {
    return TUS_EXPIRATION_MS
  }

  override async deleteExpired(): Promise<number> {
    let removed = 0
    for (const { id, facts } of await this.#list()) {
      if (this.#clock.now() - facts.createdAt <= TUS_EXPIRATION_MS) continue
      // All of it is here and it is no photo yet: that is not for time to decide.
      if (facts.finished === undefined && (await this.#isWhole(id, facts))) continue
      await this.remove(id)
      removed += 1
    }
    return removed
  }

  /** Undefined while it is under way. */
  async findFinished(id: string): Promise<FinishedUpload | undefined> {
    return (await this.#requireFacts(id)).finished
  }

  /** Undefined unless all bytes are here and it is no photo yet. */
  async findComplete(id: string): Promise<CompleteUpload | undefined> {
    const { sizeBytes, metadata, finished } = await this.#requireFacts(id)
    if (finished !== undefined || (await this.#length(id)) !== sizeBytes) return undefined
    const fileName = shownName(metadata['filename'] ?? metadata['name'] ?? '')
    return { id, path: this.#part(id), sizeBytes, fileName, folderId: metadata['folderId'] ?? undefined }
  }

  /** Those that a crash or an error kept from becoming photos. */
  async listComplete(): Promise<readonly CompleteUpload[]> {
    const found: CompleteUpload[] = []
    for (const { id, facts } of await this.#list()) {
      if (facts.finished !== undefined || facts.sizeBytes === 0 || !(await this.#isWhole(id, facts))) continue
      const complete = await this.findComplete(id)
      if (complete !== undefined) found.push(complete)
    }
    return found
  }

  /** It is a photo now: its bytes are not needed here any more. */
  async finish(id: string, finished: FinishedUpload): Promise<void> {
    await this.#writeFacts(id, { ...(await this.#requireFacts(id)), finished })
    await rm(this.#part(id), { force: true })
  }

  #part(id: string): string {
    return join(this.#folder, `${requireId(id)}.part`)
  }

  #facts(id: string): string {
    return join(this.#folder, `${requireId(id)}.json`)
  }

  async #length(id: string): Promise<number> {
    try {
      return (await stat(this.#part(id))).size
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw ERRORS.FILE_NOT_FOUND
      throw error
    }
  }

  /** False also where a crash has left the facts without the bytes: one such must not stop the others. */
  async #isWhole(id: string, { sizeBytes }: UploadFacts): Promise<boolean> {
    const found = await stat(this.#part(id)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    return found?.size === sizeBytes
  }

  async #requireFacts(id: string): Promise<UploadFacts> {
    const facts = await this.#findFacts(id)
    if (facts === undefined) throw ERRORS.FILE_NOT_FOUND
    return facts
  }

  async #findFacts(id: string): Promise<UploadFacts | undefined> {
    try {
      return JSON.parse(await readFile(this.#facts(id), 'utf8')) as UploadFacts
    } catch (error) {
      // Written whole or not at all; what is no JSON is not ours.
      if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  async #writeFacts(id: string, facts: UploadFacts): Promise<void> {
    const file = this.#facts(id)
    await writeFile(`${file}.new`, JSON.stringify(facts), { mode: 0o600, flush: true })
    await rename(`${file}.new`, file)
  }

  async #list(): Promise<{ readonly id: string; readonly facts: UploadFacts }[]> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    })
    const found: { id: string; facts: UploadFacts }[] = []
    for (const name of names) {
      const id = /^(?<id>[0-9a-f]{32})\.json$/u.exec(name)?.groups?.['id']
      const facts = id === undefined ? undefined : await this.#findFacts(id)
      if (id !== undefined && facts !== undefined) found.push({ id, facts })
    }
    return found
  }

  async #requireRoom(sizeBytes: number): Promise<void> {
    // Not read: of those that became photos there may be a hundred thousand.
    const open = (await readdir(this.#folder)).filter((name) => name.endsWith('.part')).length
    if (open >= MAX_OPEN) {
      throw new RequestError(503, 'upload/too-many', `${open} uploads are under way`, {
        hint: 'Finish or end some of them first.',
      })
    }
    await requireFreeRoom(this.#folder, sizeBytes)
  }
}

/** Writes a part of an upload, and looks at its first bytes on the way. */
class PartWriter {
  position: number
  readonly #file: FileHandle
  readonly #facts: UploadFacts
  #isJudged: boolean

  constructor(file: FileHandle, offset: number, facts: UploadFacts) {
    this.#file = file
    this.#facts = facts
    this.position = offset
    this.#isJudged = offset >= IDENTIFY_BYTES
  }

  async take(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length; ) {
      const { bytesWritten } = await this.#file.write(chunk, from, chunk.length - from, this.position)
      from += bytesWritten
      this.position += bytesWritten
    }
    if (!this.#isJudged && this.position >= IDENTIFY_BYTES) await this.#judge()
  }

  async end(): Promise<void> {
    if (!this.#isJudged && this.position === this.#facts.sizeBytes) await this.#judge()
  }

  async #judge(): Promise<void> {
    this.#isJudged = true
    const head = Buffer.alloc(Math.min(IDENTIFY_BYTES, this.position))
    await this.#file.read(head, 0, head.length, 0)
    const { filename, name } = this.#facts.metadata
    requireMedia(head, shownName(filename ?? name ?? ''))
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'upload/unsupported-media'
}

/** Ids are ours; anything else could be a path. */
function requireId(id: string): string {
  if (/^[0-9a-f]{32}$/u.test(id)) return id
  throw ERRORS.FILE_NOT_FOUND
}
