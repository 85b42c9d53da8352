/**
 * The metadata of files on disk, read and written by one exiftool kept open.
 *
 * Writing does not say "ignore minor errors" (but for one case, below): where exiftool is not sure that it can
 * keep everything that a file holds, it refuses, and the caller writes a sidecar instead.
 *
 * @module
 */

import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { IDENTIFY_BYTES, identify } from '../identify.ts'
import type { MetadataPatch } from '../metadata.ts'
import type { MetadataTool, WriteOutcome } from '../metadata-file.ts'
import { MetadataReadError, MetadataWriteError } from './errors.ts'
import { ExiftoolProcess, type ExiftoolProcessOptions } from './exiftool-process.ts'
import { READ_ARGS, type Tags, toEmbedded } from './read-tags.ts'
import { captionFields, familyOf, type TagFamily, toWriteArgs, type WriteContext } from './write-args.ts'

export interface ExiftoolOptions extends ExiftoolProcessOptions {
  /** Time for one request, before what the file's size adds. Too low: slow disks fail. Default 30 s. */
  readonly timeoutMs?: number
}

const DEFAULT_TIMEOUT_MS = 30_000

/** Slowest disk that we wait for: exiftool copies the whole file when it writes. */
const SLOWEST_BYTES_PER_MS = 10_000

/** A {@link MetadataTool} that can also be asked for its version. Nothing starts before the first question. */
export interface ExiftoolTool extends MetadataTool {
  /** Such as `13.59`. */
  version(): Promise<string>
  /** Process id while exiftool runs. */
  readonly pid: number | undefined
}

/** An exiftool that starts at the first question and is kept open until `close()` or the end of this process. */
export function exiftoolTool(options: ExiftoolOptions = {}): ExiftoolTool {
  const exiftool = new ExiftoolProcess(options)
  const baseMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  // What a file says and nobody could read must not be overwritten by a patch that was planned without it.
  const unread = new Set<string>()
  return {
    get pid() {
      return exiftool.pid
    },
    version: async () => (await exiftool.run(['-ver'], baseMs)).stdout.trim(),
    read: async (file) => {
      unread.add(file)
      const tags = await readTags(exiftool, file, await timeoutFor(file, baseMs))
      unread.delete(file)
      return toEmbedded(tags)
    },
    write: async (file, patch) => {
      if (unread.delete(file)) throw new MetadataWriteError(`${file}: its own metadata could not be read`)
      return writePatch(exiftool, file, patch, await timeoutFor(file, baseMs))
    },
    close: () => exiftool.close(),
  }
}

async function timeoutFor(file: string, baseMs: number): Promise<number> {
  const { size } = await stat(file)
  return baseMs + Math.ceil(size / SLOWEST_BYTES_PER_MS)
}

async function readTags(
  exiftool: ExiftoolProcess,
  file: string,
  timeoutMs: number,
  args: readonly string[] = READ_ARGS,
): Promise<Tags> {
  const { stdout, stderr } = await exiftool.run([...args, resolve(file)], timeoutMs)
  const tags = parseAnswer(stdout)
  if (tags === undefined) throw new MetadataReadError(`${file}: ${complaint(stderr) ?? 'no answer'}`)
  const error = tags['ExifTool:Error']
  if (typeof error === 'string') throw new MetadataReadError(`${file}: ${error}`)
  return tags
}

function parseAnswer(stdout: string): Tags | undefined {
  try {
    const answer: unknown = JSON.parse(stdout)
    return Array.isArray(answer) ? (answer[0] as Tags) : undefined
  } catch {
    return undefined
  }
}

async function writePatch(
  exiftool: ExiftoolProcess,
  file: string,
  patch: MetadataPatch,
  timeoutMs: number,
): Promise<WriteOutcome> {
  const head = await readHead(file)
  const format = identify(head, file)
  if (format === undefined || format.carrier === 'sidecar') return 'sidecar'
  const family = familyOf(format.id)
  const before = await lookBefore(exiftool, file, { patch, family, timeoutMs })
  const args = toWriteArgs(patch, { family, ...before })
  if (args.length === 0) return 'unchanged'
  const options = isBareCodestream(head) ? [...WRITE_OPTIONS, '-ignoreMinorErrors'] : WRITE_OPTIONS
  const { stdout, stderr } = await exiftool.run([...options, ...args, resolve(file)], timeoutMs)
  if (/^\s*1 image files? updated/mu.test(stdout)) return 'embedded'
  if (/^\s*1 image files? unchanged/mu.test(stdout)) return 'unchanged'
  throw new MetadataWriteError(`${file}: ${complaint(stderr) ?? 'exiftool wrote nothing'}`)
}

/** `-E`: entities in values are decoded, see `write-args.ts`. */
const WRITE_OPTIONS = ['-overwrite_original', '-E', '-api', 'LargeFileSupport=1', '-charset', 'iptc=UTF8']

/**
 * A JPEG XL codestream without container: exiftool calls it a minor error that it must be wrapped into one to
 * carry anything. There is nothing else in such a file that could get lost.
 */
function isBareCodestream(head: Buffer): boolean {
  return head.length > 2 && head.readUInt16BE(0) === 0xff0a
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(IDENTIFY_BYTES), 0, IDENTIFY_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/**
 * What must be known of a file before some patches can be written right. Asked of the same open exiftool: it can
 * assign to a tag on condition of that tag's own value, but not on "is part of what I write".
 */
async function lookBefore(
  exiftool: ExiftoolProcess,
  file: string,
  question: { readonly patch: MetadataPatch; readonly family: TagFamily; readonly timeoutMs: number },
): Promise<Omit<WriteContext, 'family'>> {
  const { patch, family, timeoutMs } = question
  const offsetOnly = patch.taken === undefined && patch.offsetMinutes !== undefined
  const taken = offsetOnly ? toEmbedded(await readTags(exiftool, file, timeoutMs)).taken : []
  const fields = [
    ...(patch.caption === undefined ? [] : captionFields(family)),
    ...(family === 'jpeg' ? ['IPTC:all'] : []),
  ]
  if (fields.length === 0) return { taken, iptc: false, captions: {} }
  const args = [...TEXT_ARGS, ...fields.map((field) => `-${field}`)]
  const tags = await readTags(exiftool, file, timeoutMs, args)
  return { taken, iptc: family === 'jpeg' && maySpeakUtf8(tags), captions: textsOf(tags, fields) }
}

/** Texts exactly as they are: exiftool's plain JSON would make `1.50` a number. */
const TEXT_ARGS = ['-json', '-G1', '-api', 'StructFormat=JSONQ', '-api', 'LargeFileSupport=1', '-Error']

/** True when a file has no IPTC text yet, or has it in UTF-8 by its own statement. */
function maySpeakUtf8(tags: Tags): boolean {
  const names = Object.keys(tags).filter((key) => key.startsWith('IPTC:'))
  return names.length === 0 || tags['IPTC:CodedCharacterSet'] === 'UTF8'
}

function textsOf(tags: Tags, fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = tags[field]
      return typeof value === 'string' || typeof value === 'number' ? [[field, String(value)]] : []
    }),
  )
}

/** exiftool's own words without its prefix and the file's path. */
function complaint(stderr: string): string | undefined {
  const line = stderr.split('\n').find((text) => /^(?:Error|Warning)/u.test(text)) ?? stderr.split('\n')[0]
  const words = line
    ?.replace(/^(?:Error|Warning): /u, '')
    .replace(/ - [^\n]*$/u, '')
    .trim()
  return words === undefined || words === '' ? undefined : words
}
