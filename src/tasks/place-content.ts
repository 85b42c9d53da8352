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
import { isWritableMovie, spliceMovieFile } from '../media/isobmff/movie-file.ts'
import { planMovieSplice } from '../media/isobmff/movie-splice.ts'
import { isTruncatedJpeg } from '../media/jpeg/jpeg-end.ts'
import { readJpegMetadata } from '../media/jpeg/jpeg-reader.ts'
import { planJpegSplice } from '../media/jpeg/jpeg-splice.ts'
import type { EmbeddedMetadata, MetadataPatch, Taken, WantedMetadata } from '../media/metadata.ts'
import type { MetadataTool, WriteOutcome } from '../media/metadata-file.ts'
import { applyPatch, type FileProblem, readEmbedded } from '../media/place.ts'
import { planPatch } from '../media/plan-patch.ts'
import { type SplicePlan, sliceParts } from '../media/splice-parts.ts'
import { overruledCameraDate } from './camera-date.ts'
import type { KeptSidecar, PartRole, PlacedFile, PlaceOptions } from './item.ts'
import { placeSidecar } from './place-sidecar.ts'
import type { SourceContent } from './source-file.ts'
import { finishTemp, type WrittenFile, writeTemp } from './temp-file.ts'

export interface Wanted {
  readonly role: PartRole
  /** Path of the copy whose bytes are placed. */
  readonly path: string
  readonly facts: ItemFacts
  readonly albumTitles: Readonly<Record<string, string>>
  readonly options: PlaceOptions
  /** The `.xmp` files that the equal inputs have beside them, best first. */
  readonly xmps: readonly KeptSidecar[]
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

const NOTHING: EmbeddedMetadata = { taken: [], people: [], keywords: [] }

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
  if (wanted.role === 'edit-instructions') return placeAsItIs(content, wanted, temp, tools.now())
  const format = identify(content.head, wanted.path)
  if (format === undefined && formatByName(wanted.path) === undefined) {
    throw new NotMediaError(`not a media file${nameSuffix(wanted.path)}`)
  }
  const inspected = await inspect(content, format, wanted.path, temp, tools)
  const taken = decide(inspected.embedded, wanted, tools.now())
  const metadata = toWantedMetadata(wanted, taken)
  const patch = planPatch(inspected.embedded, metadata, tools.now())
  const outcome = await write(inspected, patch, wanted, temp, tools)
  const written = finishTemp(temp, outcome.written, taken?.at)
  const { sidecar, problems } = await placeSidecar({
    temp,
    xmps: wanted.xmps,
    embedded: inspected.embedded,
    wanted: metadata,
    left: outcome.needsSidecar ? patch : undefined,
    takenAt: taken?.at,
    now: tools.now(),
  })
  inspected.problems.push(...problems)
  const { embedded } = inspected
  const cameraLocal = overruledCameraDate({ embedded, stated: metadata.taken, patch, now: tools.now() })
  return {
    ...toFacts(inspected, wanted, taken, patch),
    ...(cameraLocal === undefined ? {} : { cameraLocal }),
    ...toSizes(content, written, temp),
    ...(sidecar === undefined ? {} : { sidecar }),
  }
}

/** What is no media, but belongs to some: its bytes, under the date of the picture. */
function placeAsItIs(content: SourceContent, wanted: Wanted, temp: string, now: number): PlacedFile {
  const { path, facts } = wanted
  const taken = decide(NOTHING, wanted, now)
  if (content.whole !== undefined) writeTemp(temp, [content.whole])
  const written = finishTemp(temp, untouched(content), taken?.at)
  const inspected: Inspected = { content, format: undefined, embedded: NOTHING, problems: [] }
  // A person or an album has pictures, not the instructions beside them.
  const own: ItemFacts = { taken: facts.taken, people: [], albums: [], title: basename(path) }
  const flags = { archived: facts.archived === true, trashed: facts.trashed === true }
  return {
    ...toFacts(inspected, { ...wanted, facts: own }, taken),
    ...toSizes(content, written, temp),
    ...flags,
    format: extensionOf(path),
  }
}

function toSizes(
  content: SourceContent,
  written: WrittenFile,
  temp: string,
): Pick<PlacedFile, 'temp' | 'sourceSha1' | 'writtenSha1' | 'sourceSizeBytes' | 'sizeBytes'> {
  return {
    temp: basename(temp),
    sourceSha1: content.sha1,
    writtenSha1: written.sha1,
    sourceSizeBytes: content.sizeBytes,
    sizeBytes: written.sizeBytes,
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
  if (format === undefined) {
    const message = `${extensionOf(path)} by its name, but of no known format: kept as it is`
    return { content, format, embedded: NOTHING, problems: [{ code: 'unknown-content', message }] }
  }
  if (format.id === 'jpeg' && content.whole !== undefined) {
    const truncated = { code: 'truncated', message: 'the picture breaks off: part of the file is missing' }
    const problems = isTruncatedJpeg(content.whole) ? [truncated] : []
    return { content, format, embedded: readJpegMetadata(content.whole), problems }
  }
  // exiftool works on files; it is asked of most formats, but of few movies.
  const prepareFile = (): void => {
    if (content.whole !== undefined) writeTemp(temp, [content.whole])
  }
  if (!isWritableMovie(format.id)) prepareFile()
  let why = 'the file has none that can be read'
  const { embedded, problems } = await readEmbedded({
    format,
    head: content.head,
    file: temp,
    prepareFile,
    sizeBytes: content.sizeBytes,
    tool,
    onProblem: (error) => {
      why = withoutPath(error, temp)
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

/** The title in an export is that of the picture; what belongs to the picture has only its own name. */
function originalNameOf(role: PartRole, { title }: ItemFacts, path: string): string {
  return role === 'primary' && title !== undefined ? title : basename(path)
}

function toWantedMetadata(
  { role, facts, albumTitles, path }: Wanted,
  taken: Taken | undefined,
): WantedMetadata {
  return {
    people: facts.people,
    albums: facts.albums.map((key) => albumTitles[key] ?? key),
    originalName: originalNameOf(role, facts, path),
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
  /** Undefined when the bytes were changed in the file, so that nobody knows them yet. */
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
  const isMovie = isWritableMovie(format.id)
  if (whole === undefined && isMovie) return spliceInTemp(inspected, format, patch, temp, tools)
  if (whole === undefined || !(isMovie || format.id === 'jpeg')) {
    return embedWithTool(inspected, format, patch, temp, tools)
  }
  const plan = isMovie ? await planMovie(inspected, whole, patch) : planJpegSplice(whole, whole.length, patch)
  if (plan.kind === 'splice') {
    return { written: writeTemp(temp, sliceParts(whole, plan.parts)), needsSidecar: false }
  }
  writeTemp(temp, [whole])
  if (plan.kind === 'unchanged') return { written: untouched(content), needsSidecar: false }
  return embedWithTool(inspected, format, patch, temp, tools)
}

/** What a movie says and nobody could read must not be overwritten by a patch that was planned without it. */
function isUnread({ problems }: Inspected): boolean {
  return problems.some(({ code }) => code === 'metadata-unreadable')
}

async function planMovie(inspected: Inspected, whole: Buffer, patch: MetadataPatch): Promise<SplicePlan> {
  if (isUnread(inspected)) return { kind: 'handover', reason: 'its own metadata could not be read' }
  const read = async (offset: number, lengthBytes: number): Promise<Buffer> =>
    whole.subarray(offset, offset + lengthBytes)
  return planMovieSplice(read, whole.length, patch, { mayMoveMedia: true })
}

/** A movie too large for memory lies in `temp` already, where its samples stay at their place. */
async function spliceInTemp(
  inspected: Inspected,
  format: MediaFormat,
  patch: MetadataPatch,
  temp: string,
  tools: PlaceTools,
): Promise<Written> {
  const { kind } = isUnread(inspected) ? { kind: 'handover' } : await spliceMovieFile(temp, patch)
  if (kind === 'handover') return embedWithTool(inspected, format, patch, temp, tools)
  return { written: kind === 'splice' ? undefined : untouched(inspected.content), needsSidecar: false }
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
    // That nothing can be written into half a file goes without saying.
    if (!problems.some(({ code }) => code === 'truncated')) {
      const message = `metadata is in an .xmp beside the file: ${withoutPath(error, temp)}`
      problems.push({ code: 'metadata-beside', message })
    }
    outcome = 'sidecar'
  }
  return outcome === 'embedded'
    ? { written: undefined, needsSidecar: false }
    : { written: untouched(content), needsSidecar: outcome === 'sidecar' }
}

/** The report names the user's file; the path of our temporary one means nothing to anybody. */
function withoutPath(error: unknown, temp: string): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll(`${temp}: `, '')
}

function toFacts(
  { format, embedded, problems }: Inspected,
  { role, path, facts }: Wanted,
  taken: Taken | undefined,
  patch?: MetadataPatch,
): Omit<PlacedFile, 'temp' | 'sourceSha1' | 'writtenSha1' | 'sourceSizeBytes' | 'sizeBytes' | 'sidecar'> {
  const position = embedded.position ?? facts.position
  return {
    format: format?.id ?? 'unknown',
    mime: format?.mime ?? 'application/octet-stream',
    extension: format === undefined ? extensionOf(path) : correctExtension(path, format),
    ...toWords(facts, embedded, patch),
    albums: facts.albums,
    originalName: originalNameOf(role, facts, path),
    favourite: facts.favourite === true,
    archived: facts.archived === true,
    trashed: facts.trashed === true,
    shared: facts.shared === true,
    problems,
    ...(taken === undefined ? {} : { taken }),
    ...(position === undefined ? {} : { position }),
    ...(embedded.widthPx === undefined ? {} : { widthPx: embedded.widthPx }),
    ...(embedded.heightPx === undefined ? {} : { heightPx: embedded.heightPx }),
  }
}

/** What the export says and what the file says, for the catalog: the caption is the one that is written. */
function toWords(
  facts: ItemFacts,
  embedded: EmbeddedMetadata,
  patch: MetadataPatch | undefined,
): Pick<PlacedFile, 'people' | 'keywords' | 'caption' | 'rating'> {
  const caption = patch?.caption ?? embedded.caption ?? facts.caption
  const rating = facts.rating ?? embedded.rating
  return {
    people: [...new Set([...facts.people, ...embedded.people])],
    keywords: [...new Set([...(facts.keywords ?? []), ...embedded.keywords])],
    ...(caption === undefined ? {} : { caption }),
    ...(rating === undefined ? {} : { rating }),
  }
}
