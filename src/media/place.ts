/**
 * Reading and writing metadata whatever the format: the part of placing a file that knows formats.
 *
 * Nothing here makes a file unplaceable: what cannot be read says nothing and names a problem, and where
 * nothing can be written, the file is as it was.
 *
 * @module
 */

import { open, rm, stat } from 'node:fs/promises'
import { HeirloomError } from '../errors.ts'
import type { MediaFormat } from './formats.ts'
import { readMovieHeader } from './isobmff/movie-header.ts'
import { isMovablePicture } from './isobmff/picture-boxes.ts'
import { isTruncatedJpeg } from './jpeg/jpeg-end.ts'
import { readJpegMetadata } from './jpeg/jpeg-reader.ts'
import type { EmbeddedMetadata, MetadataPatch } from './metadata.ts'
import type { MetadataTool, WriteOutcome } from './metadata-file.ts'
import { isTruncated } from './truncation.ts'

/** What is wrong with a file that was placed all the same. */
export type FileProblem = 'truncated' | 'metadata-unreadable'

export interface ReadRequest {
  readonly format: MediaFormat
  /** The first 64 KiB or more. */
  readonly head: Buffer
  /** All bytes, when they are in memory. */
  readonly whole?: Buffer
  /** The same bytes on disk. Without it only what memory holds can be read. */
  readonly file?: string
  /** Called before the tool is given `file`, which may be missing until then. */
  readonly prepareFile?: () => void
  readonly sizeBytes: number
  readonly tool: MetadataTool
  /** Told why, when something could not be read. */
  readonly onProblem?: (error: HeirloomError) => void
}

export interface ReadResult {
  readonly embedded: EmbeddedMetadata
  readonly problems: readonly FileProblem[]
}

const NOTHING: EmbeddedMetadata = { taken: [], people: [], keywords: [] }

/** Enough of a JPEG to hold all of its metadata. */
const JPEG_HEAD_BYTES = 4 * 1024 * 1024

/** Formats whose header our own box reader knows. */
const MOVIES = new Set(['mp4', 'm4v', 'mov', '3gp', '3g2', 'm4a'])

/** Pictures whose boxes exiftool moves when it writes. */
const BOXED_PICTURES = new Set(['heic', 'heif', 'avif'])

/** Formats that hold no metadata that exiftool could read. */
const SILENT = new Set(['bmp', 'amr'])

/** What the file says of itself. Throws only for errors of the disk. */
export async function readEmbedded(request: ReadRequest): Promise<ReadResult> {
  const bytes = await openBytes(request)
  try {
    const { format } = request
    if (format.id === 'jpeg') return await readJpeg(request, bytes)
    if (MOVIES.has(format.id)) return await readMovie(request, bytes)
    const truncated = await isTruncated(format, bytes.read, request.sizeBytes)
    return await readByTool(request, truncated)
  } finally {
    await bytes.close()
  }
}

async function readJpeg({ head, whole }: ReadRequest, bytes: Bytes): Promise<ReadResult> {
  const start = whole ?? (bytes.onDisk ? await bytes.read(0, JPEG_HEAD_BYTES) : head)
  const problems: FileProblem[] = whole !== undefined && isTruncatedJpeg(whole) ? ['truncated'] : []
  return { embedded: readJpegMetadata(start), problems }
}

async function readMovie(request: ReadRequest, bytes: Bytes): Promise<ReadResult> {
  const { embedded, truncated, complete } = await readMovieHeader(bytes.read, request.sizeBytes)
  if (!complete) return readByTool(request, truncated, embedded)
  return { embedded, problems: truncated ? ['truncated'] : [] }
}

async function readByTool(
  { format, file, prepareFile, tool, onProblem }: ReadRequest,
  truncated: boolean,
  fallback: EmbeddedMetadata = NOTHING,
): Promise<ReadResult> {
  const problems: FileProblem[] = truncated ? ['truncated'] : []
  if (SILENT.has(format.id)) return { embedded: fallback, problems }
  if (file === undefined) return { embedded: fallback, problems: [...problems, 'metadata-unreadable'] }
  prepareFile?.()
  try {
    return { embedded: await tool.read(file), problems }
  } catch (error) {
    if (!(error instanceof HeirloomError)) throw error
    onProblem?.(error)
    return { embedded: fallback, problems: [...problems, 'metadata-unreadable'] }
  }
}

interface Bytes {
  readonly onDisk: boolean
  read(offset: number, lengthBytes: number): Promise<Buffer>
  close(): Promise<void>
}

async function openBytes({ head, whole, file }: ReadRequest): Promise<Bytes> {
  if (whole !== undefined || file === undefined) {
    const memory = whole ?? head
    return {
      onDisk: false,
      read: async (offset, lengthBytes) => memory.subarray(offset, offset + lengthBytes),
      close: async () => undefined,
    }
  }
  return openFile(file)
}

async function openFile(file: string): Promise<Bytes> {
  const handle = await open(file, 'r')
  const read = async (offset: number, lengthBytes: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offset)
    return buffer.subarray(0, bytesRead)
  }
  return { onDisk: true, read, close: () => handle.close() }
}

export interface PatchRequest {
  readonly format: MediaFormat
  /** Our own temporary file, already a full copy of the input. On `embedded` it has become another inode. */
  readonly file: string
  readonly patch: MetadataPatch
  readonly tool: MetadataTool
}

/**
 * Writes a patch into a temporary file that is not a JPEG, or is one that our own writer handed over.
 *
 * @returns `sidecar` where the format cannot carry the patch, or this file's bytes must keep their places. What was
 *   written is not yet synced to disk.
 * @throws {@link HeirloomError} where this file cannot carry it, or exiftool failed or is missing. The file then is
 *   as it was, and the patch belongs into a sidecar.
 */
export async function applyPatch({ format, file, patch, tool }: PatchRequest): Promise<WriteOutcome> {
  if (format.carrier === 'sidecar') return 'sidecar'
  if (BOXED_PICTURES.has(format.id) && !(await isMovable(file))) return 'sidecar'
  try {
    return await tool.write(file, patch)
  } catch (error) {
    // What a killed exiftool leaves; see `exiftool -overwrite_original`.
    await rm(`${file}_exiftool_tmp`, { force: true })
    throw error
  }
}

async function isMovable(file: string): Promise<boolean> {
  const { size } = await stat(file)
  const bytes = await openFile(file)
  try {
    return await isMovablePicture(bytes.read, size)
  } finally {
    await bytes.close()
  }
}
