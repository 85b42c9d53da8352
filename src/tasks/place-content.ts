/**
 * From an input's bytes to a finished temporary file: format, date, merged metadata, hash, times, fsync.
 *
 * Writing metadata must never cost the photo: where it fails, the untouched bytes are kept and the metadata
 * goes into an `.xmp` beside them.
 *
 * @module
 */

import { basename } from 'node:path'
import { HeirloomError, systemCode } from '../errors.ts'
import type { ItemFacts } from '../exports/group-items.ts'
import { decideTaken } from '../media/dates.ts'
import { correctExtension, extensionOf, formatByName, type MediaFormat } from '../media/formats.ts'
import { identify } from '../media/identify.ts'
import { isTruncatedJpeg } from '../media/jpeg/jpeg-end.ts'
import { readJpegMetadata } from '../media/jpeg/jpeg-reader.ts'
import { planJpegSplice, sliceParts } from '../media/jpeg/jpeg-splice.ts'
import type { EmbeddedMetadata, MetadataPatch, Taken, WantedMetadata } from '../media/metadata.ts'
import type { MetadataTool, WriteOutcome } from '../media/metadata-file.ts'
import { applyPatch, type FileProblem, readEmbedded } from '../media/place.ts'
import { planPatch } from '../media/plan-patch.ts'
import { createXmpSidecar } from '../media/xmp/xmp-writer.ts'
import type { PlacedFile, PlaceOptions } from './item.ts'
import type { SourceContent } from './source-file.ts'
import { finishTemp, type WrittenFile, writeTemp } from './temp-file.ts'

export interface Wanted {
  /** Path of the copy whose bytes are placed. */
  readonly path: string
  readonly facts: ItemFacts
  readonly albumTitles: Readonly<Record<string, string>>
  readonly options: PlaceOptions
}

/** What does not change from file to file of one worker. */
export interface PlaceTools {
  readonly tool: MetadataTool
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Thrown for content that is no media of any known format, under a name that promises none. */
export class NotMediaError extends HeirloomError {
  readonly code = 'item/not-media'
  readonly recovery = 'discard'
}

/** Guesses are for the catalog, the name and the file's time; into the file goes only what somebody stated. */
const STATED: ReadonlySet<Taken['source']> = new Set(['embedded', 'export', 'xmp-sidecar', 'file-name'])

/** The time of an upload is stated too, but of another moment. */
function isStated({ source, detail }: Taken): boolean {
  return STATED.has(source) && detail !== 'creationTime'
}

type Problem = PlacedFile['problems'][number]

/** What was found out about the content, before anything of it is written. */
interface Inspected {
  readonly content: SourceContent
  readonly format: MediaFormat | undefined
  readonly embedded: EmbeddedMetadata
  readonly problems: Problem[]
}

/**
 * Writes `content` to the file `temp` (where it lies already, when it is too large for memory).
 *
 * @throws {@link NotMediaError} when this is no media file. Any other error is of writing.
 */
export async function placeContent(
  content: SourceContent,
  wanted: Wanted,
  temp: string,
  tools: PlaceTools,
): Promise<PlacedFile> {
  const format = identify(content.head, wanted.path)
  if (format === undefined && formatByName(wanted.path) === undefined) {
    throw new NotMediaError(`not a media file${nameSuffix(wanted.path)}`)
  }
  const inspected = await inspect(content, format, wanted.path, temp, tools)
  const taken = decide(inspected.embedded, wanted, tools.now())
  const patch = planPatch(inspected.embedded, toWantedMetadata(wanted, taken), tools.now())
  const outcome = await write(inspected, patch, wanted, temp, tools)
  const written = finishTemp(temp, outcome.written, taken?.at)
  const sidecar =
    outcome.needsSidecar && patch !== undefined ? writeSidecar(temp, patch, inspected, taken) : undefined
  return {
    ...toFacts(inspected, wanted, taken),
    temp: basename(temp),
    sourceSha1: content.sha1,
    writtenSha1: written.sha1,
    sourceSizeBytes: content.sizeBytes,
    sizeBytes: written.sizeBytes,
    ...(sidecar === undefined ? {} : { sidecar }),
  }
}

function nameSuffix(path: string): string {
  const extension = extensionOf(path)
  return extension === '' ? '' : ` (${extension})`
}

async function inspect(
  content: SourceContent,
  format: MediaFormat | undefined,
  path: string,
  temp: string,
  { tool }: PlaceTools,
): Promise<Inspected> {
  const nothing: EmbeddedMetadata = { taken: [], people: [], keywords: [] }
  if (format === undefined) {
    const message = `${extensionOf(path)} by its name, but of no known format: kept as it is`
    return { content, format, embedded: nothing, problems: [{ code: 'unknown-content', message }] }
  }
  if (format.id === 'jpeg' && content.whole !== undefined) {
    const truncated = { code: 'truncated', message: 'the picture breaks off: part of the file is missing' }
    const problems = isTruncatedJpeg(content.whole) ? [truncated] : []
    return { content, format, embedded: readJpegMetadata(content.whole), problems }
  }
  // From here on the bytes are needed in a file: exiftool and the box reader work on those.
  if (content.whole !== undefined) writeTemp(temp, [content.whole])
  let why = 'the file has none that can be read'
  const { embedded, problems } = await readEmbedded({
    format,
    head: content.head,
    file: temp,
    sizeBytes: content.sizeBytes,
    tool,
    onProblem: (error) => {
      why = error.message
    },
    ...(content.whole === undefined ? {} : { whole: content.whole }),
  })
  const messages: Record<FileProblem, string> = {
    truncated: 'the file breaks off: part of it is missing',
    'metadata-unreadable': `its metadata could not be read: ${why}`,
  }
  return { content, format, embedded, problems: problems.map((code) => ({ code, message: messages[code] })) }
}

function decide(embedded: EmbeddedMetadata, { facts, options }: Wanted, now: number): Taken | undefined {
  const position = embedded.position ?? facts.position
  return decideTaken({
    evidence: [...embedded.taken, ...facts.taken],
    now,
    ...(position === undefined ? {} : { position }),
    ...(options.zone === undefined ? {} : { userZone: options.zone }),
  })
}

function toWantedMetadata({ facts, albumTitles, path }: Wanted, taken: Taken | undefined): WantedMetadata {
  return {
    people: facts.people,
    albums: facts.albums.map((key) => albumTitles[key] ?? key),
    originalName: facts.title ?? basename(path),
    ...(taken !== undefined && isStated(taken) ? { taken } : {}),
    ...(facts.position === undefined ? {} : { position: facts.position }),
    ...(facts.caption === undefined ? {} : { caption: facts.caption }),
    ...(facts.keywords === undefined ? {} : { keywords: facts.keywords }),
    ...(facts.rating === undefined ? {} : { rating: facts.rating }),
    ...(facts.favourite === true ? { favourite: true } : {}),
  }
}

// # Writing

interface Written {
  /** Undefined when the bytes were changed by another program, so that nobody knows them yet. */
  readonly written: WrittenFile | undefined
  readonly needsSidecar: boolean
}

async function write(
  inspected: Inspected,
  patch: MetadataPatch | undefined,
  { options }: Wanted,
  temp: string,
  tools: PlaceTools,
): Promise<Written> {
  const { content, format } = inspected
  const { whole } = content
  if (patch === undefined || options.metadata === 'sidecar' || format === undefined) {
    if (whole !== undefined) writeTemp(temp, [whole])
    return { written: untouched(content), needsSidecar: patch !== undefined }
  }
  if (format.id !== 'jpeg' || whole === undefined) return embedWithTool(inspected, format, patch, temp, tools)
  const plan = planJpegSplice(whole, whole.length, patch)
  if (plan.kind === 'splice') {
    return { written: writeTemp(temp, sliceParts(whole, plan.parts)), needsSidecar: false }
  }
  writeTemp(temp, [whole])
  if (plan.kind === 'unchanged') return { written: untouched(content), needsSidecar: false }
  return embedWithTool(inspected, format, patch, temp, tools)
}

function untouched({ sha1, sizeBytes }: SourceContent): WrittenFile {
  return { sha1, sizeBytes }
}

async function embedWithTool(
  inspected: Inspected,
  format: MediaFormat,
  patch: MetadataPatch,
  temp: string,
  { tool }: PlaceTools,
): Promise<Written> {
  const { content, problems } = inspected
  let outcome: WriteOutcome
  try {
    outcome = await applyPatch({ format, file: temp, patch, tool })
  } catch (error) {
    if (systemCode(error) !== undefined) throw error
    const message = error instanceof Error ? error.message : String(error)
    problems.push({ code: 'metadata-beside', message: `metadata is in an .xmp beside the file: ${message}` })
    outcome = 'sidecar'
  }
  return outcome === 'embedded'
    ? { written: undefined, needsSidecar: false }
    : { written: untouched(content), needsSidecar: outcome === 'sidecar' }
}

function writeSidecar(
  temp: string,
  patch: MetadataPatch,
  { embedded }: Inspected,
  taken: Taken | undefined,
): NonNullable<PlacedFile['sidecar']> {
  const file = temp.replace(/\.part$/u, 'x.part')
  const xmp = Buffer.from(createXmpSidecar(patch, embedded))
  const written = finishTemp(file, writeTemp(file, [xmp]), taken?.at)
  return { temp: basename(file), ...written }
}

function toFacts(
  { format, embedded, problems }: Inspected,
  { path, facts }: Wanted,
  taken: Taken | undefined,
): Omit<PlacedFile, 'temp' | 'sourceSha1' | 'writtenSha1' | 'sourceSizeBytes' | 'sizeBytes' | 'sidecar'> {
  const position = embedded.position ?? facts.position
  const caption = facts.caption ?? embedded.caption
  return {
    format: format?.id ?? 'unknown',
    mime: format?.mime ?? 'application/octet-stream',
    extension: format === undefined ? extensionOf(path) : correctExtension(path, format),
    people: [...new Set([...facts.people, ...embedded.people])],
    albums: facts.albums,
    originalName: facts.title ?? basename(path),
    favourite: facts.favourite === true,
    archived: facts.archived === true,
    trashed: facts.trashed === true,
    shared: facts.shared === true,
    problems,
    ...(taken === undefined ? {} : { taken }),
    ...(position === undefined ? {} : { position }),
    ...(caption === undefined ? {} : { caption }),
    ...(embedded.widthPx === undefined ? {} : { widthPx: embedded.widthPx }),
    ...(embedded.heightPx === undefined ? {} : { heightPx: embedded.heightPx }),
  }
}
