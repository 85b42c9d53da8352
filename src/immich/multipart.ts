/**
 * The body of an upload: a multipart form whose file is streamed from the disk, with its exact length known before.
 *
 * The order of the parts is not free. The server decides whether it takes a file by the last `filename` field it has
 * seen, for the sidecar too: an `.xmp` after `filename=IMG.jpg` is refused as an unsupported type (source:
 * `canUploadFile` of asset-media.service.ts, 2.5 and 3.1). So the sidecar goes first, then the fields, the file last.
 *
 * A small file is read at once and hashed before any of it is sent. A larger one is hashed while it is sent, and the
 * end of the form is held back until length and hash are those that were planned: a file that changed leaves a body
 * that no server takes for whole.
 *
 * @module
 */

import { createHash, hash, randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemCode } from '../errors.ts'
import { FileChangedError } from './immich-errors.ts'
import { readInto } from './small-file.ts'

/** Read at once: large enough to be cheap, small enough that a slow link shows that it moves (5 kB/s at 60 s). */
const CHUNK_BYTES = 256 * 1024

/**
 * Buffers that are used in turn: new ones for each chunk cost 100 MB of garbage at 1.5 GB (measured). A socket holds
 * one chunk that it has not passed on, and little of the one before; the others are room for error.
 */
const BUFFERS = 8

/**
 * Up to this size a file is read at once: two jobs for the thread pool instead of six. See `small-file.ts`.
 */
const WHOLE_BYTES = 1024 * 1024

/** Buffers of whole forms that were sent: new ones for each would be 300 MB of garbage for 1,000 small files. */
const spare: Buffer[] = []
const MAX_SPARE = 8

/** The buffer of one form, from among the spare ones. */
class FormBuffer {
  #buffer: Buffer | undefined

  /** Another one for each attempt: one that failed may be in the hands of the system. Valid until {@link giveBack}. */
  take(sizeBytes: number): Buffer {
    const buffer = spare.pop()
    this.#buffer =
      buffer !== undefined && buffer.length >= sizeBytes
        ? buffer
        : Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / CHUNK_BYTES) * CHUNK_BYTES)
    return this.#buffer.subarray(0, sizeBytes)
  }

  giveBack(): void {
    if (this.#buffer !== undefined && spare.length < MAX_SPARE) spare.push(this.#buffer)
    this.#buffer = undefined
  }
}

interface FormEnds {
  readonly head: Buffer
  readonly tail: Buffer
  readonly buffer: FormBuffer
}

export interface UploadForm {
  /** Absolute path of the file. */
  readonly path: string
  readonly fileName: string
  readonly sizeBytes: number
  /** 40 hexadecimal digits. */
  readonly sha1: string
  /** In order; `filename` is added before them. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Text of an `.xmp`. */
  readonly sidecar?: string | undefined
}

export interface UploadBody {
  readonly contentType: string
  readonly contentLengthBytes: number
  /** What is held in memory at once, about. */
  readonly heldBytes: number
  /**
   * Opens the file; may be called once for each attempt. A chunk is good until some later ones were asked for.
   * `onFileBytes` gets what was handed on of the file.
   */
  stream(onFileBytes?: (bytes: number) => void): AsyncIterable<Buffer>
  /**
   * The server has read the form of the last stream to its end, so that nobody needs a chunk any more: their memory may
   * be used again. Not to be called otherwise, when the system may still hold some of it.
   */
  release(): void
}

export function uploadBody(form: UploadForm, boundary: string = `heirloom-${randomUUID()}`): UploadBody {
  const fileName = form.fileName.replaceAll('\0', '\uFFFD')
  const text = (parts: readonly string[]): Buffer => Buffer.from(parts.join(''), 'utf8')
  const sidecar =
    form.sidecar === undefined
      ? []
      : [partHead(boundary, 'sidecarData', `${fileName}.xmp`), form.sidecar, '\r\n']
  const fields = [['filename', fileName] as const, ...form.fields].flatMap(([name, value]) => [
    `${partHead(boundary, name)}${value}`,
    '\r\n',
  ])
  const head = text([...sidecar, ...fields, partHead(boundary, 'assetData', fileName)])
  const tail = text([`\r\n--${boundary}--\r\n`])
  const buffer = new FormBuffer()
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentLengthBytes: head.length + form.sizeBytes + tail.length,
    heldBytes: head.length + Math.min(form.sizeBytes, BUFFERS * CHUNK_BYTES),
    stream: async function* (onFileBytes) {
      if (form.sizeBytes <= WHOLE_BYTES) {
        yield* wholeForm(form, { head, tail, buffer }, onFileBytes)
        return
      }
      const handle = await openPlanned(form)
      try {
        yield head
        yield* fileChunks(handle, form, onFileBytes)
      } finally {
        await handle.close()
      }
      yield tail
    },
    release: () => buffer.giveBack(),
  }
}

/** The whole form from one buffer, in pieces of which each shows that the link moves. */
async function* wholeForm(
  form: UploadForm,
  ends: FormEnds,
  onFileBytes?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const whole = await readWhole(form, ends)
  const fileStart = ends.head.length
  const fileEnd = fileStart + form.sizeBytes
  for (let start = 0; start < whole.length; start += CHUNK_BYTES) {
    const end = Math.min(start + CHUNK_BYTES, whole.length)
    yield whole.subarray(start, end)
    const fileBytes = Math.min(end, fileEnd) - Math.max(start, fileStart)
    if (fileBytes > 0) onFileBytes?.(fileBytes)
  }
}

/** The form with the file in it, whose length and hash are the planned ones. */
async function readWhole(form: UploadForm, { head, tail, buffer }: FormEnds): Promise<Buffer> {
  const { path, sizeBytes } = form
  const fileEnd = head.length + sizeBytes
  const whole = buffer.take(fileEnd + tail.length)
  const file = whole.subarray(head.length, fileEnd)
  const readBytes = await readInto(path, (stats) => {
    requirePlanned(form, stats)
    return file
  }).catch((error: unknown) => {
    throw openFailure(form, error)
  })
  if (readBytes < sizeBytes)
    throw new FileChangedError(path, `became shorter while it was sent (${readBytes} bytes)`)
  if (hash('sha1', file) !== form.sha1.toLowerCase()) throw otherBytes(form)
  head.copy(whole)
  tail.copy(whole, fileEnd)
  return whole
}

/** The file's bytes; throws before the last is followed by anything when they are not the planned ones. */
async function* fileChunks(
  handle: FileHandle,
  form: UploadForm,
  onFileBytes?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const digest = createHash('sha1')
  const buffers: Buffer[] = []
  for (let position = 0, turn = 0; position < form.sizeBytes; turn = (turn + 1) % BUFFERS) {
    const leftBytes = form.sizeBytes - position
    const buffer = buffers[turn] ?? Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, leftBytes))
    buffers[turn] = buffer
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, leftBytes), position)
    if (bytesRead === 0)
      throw new FileChangedError(form.path, `became shorter while it was sent (${position} bytes)`)
    position += bytesRead
    const chunk = buffer.subarray(0, bytesRead)
    digest.update(chunk)
    yield chunk
    onFileBytes?.(bytesRead)
  }
  const { size } = await handle.stat()
  if (size !== form.sizeBytes) throw wrongSize(form, size)
  if (digest.digest('hex') !== form.sha1.toLowerCase()) throw otherBytes(form)
}

async function openPlanned(form: UploadForm): Promise<FileHandle> {
  const handle = await open(form.path, 'r').catch((error: unknown) => {
    throw openFailure(form, error)
  })
  try {
    requirePlanned(form, await handle.stat())
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

function openFailure({ path }: UploadForm, error: unknown): unknown {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
    ? new FileChangedError(path, 'is gone')
    : error
}

function requirePlanned(form: UploadForm, stats: Stats): void {
  if (!stats.isFile()) throw new FileChangedError(form.path, 'is not a file any more')
  if (stats.size !== form.sizeBytes) throw wrongSize(form, stats.size)
}

function wrongSize(form: UploadForm, sizeBytes: number): FileChangedError {
  return new FileChangedError(form.path, `has ${sizeBytes} bytes where ${form.sizeBytes} were hashed`)
}

function otherBytes({ path }: UploadForm): FileChangedError {
  return new FileChangedError(path, 'does not hold the bytes any more that it held when it was hashed')
}

/** With a file name it is a file part. */
function partHead(boundary: string, name: string, fileName?: string): string {
  const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`
  return fileName === undefined
    ? `${disposition}\r\n\r\n`
    : `${disposition}; filename="${escapeFileName(fileName)}"\r\nContent-Type: application/octet-stream\r\n\r\n`
}

/**
 * A name as the parameter of a part: UTF-8, quotes and line ends per cent as browsers write them (WHATWG HTML,
 * multipart form data), also backslashes and other controls, which readers take for escapes and folders. The true
 * name is in the field `filename`.
 */
export function escapeFileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
  return name.replaceAll(/["\\/\u0000-\u001F\u007F]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase()
    return `%${code.padStart(2, '0')}`
  })
}
