/**
 * Reads and patches the IPTC block in a JPEG's Photoshop segment (APP13).
 *
 * The segment is a list of Photoshop resources, of which one is IPTC; the others (clipping paths, thumbnails,
 * print settings) go through byte for byte. IPTC text has no fixed character set: unless `1:90` declares UTF-8
 * it may be Latin-1, Mac Roman or a code page, and nothing tells which. Such text is read with the best guess but
 * never re-encoded by it: the block is left alone, for caption and keywords are in EXIF and XMP as well.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { mayReplaceCaption, toCaption } from '../exif/caption-text.ts'
import { formatOffset, parseMetadataDate, toEvidence } from '../exif/metadata-date.ts'
import type { EmbeddedMetadata, MetadataPatch, TakenEvidence } from '../metadata.ts'

/** What an APP13 segment's data begins with. */
export const PHOTOSHOP_HEADER: Buffer = Buffer.from('Photoshop 3.0\0', 'latin1')

const IPTC_RESOURCE = 0x0404
const DIGEST_RESOURCE = 0x0425

/** Limits of IIM 4.2 in bytes. */
const MAX_CAPTION_BYTES = 2000
const MAX_KEYWORD_BYTES = 64

const UTF8_DECLARATION = Buffer.from('\u001B%G', 'latin1')

interface Resource {
  readonly id: number
  /** The whole resource, from `8BIM` to its padding. */
  readonly bytes: Buffer
  readonly data: Buffer
}

interface DataSet {
  readonly record: number
  readonly dataset: number
  readonly data: Buffer
}

/** What came of a patch. `left-alone` says why the block cannot be written. */
export type IptcPatchResult =
  | { readonly kind: 'patched'; readonly bytes: Buffer }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'left-alone'; readonly reason: string }

/** Reads the data of an APP13 segment (with its `Photoshop 3.0` header). Broken parts say nothing. */
export function readIptc(segment: Buffer): EmbeddedMetadata {
  const block = parseResources(segment)?.find(({ id }) => id === IPTC_RESOURCE)
  const datasets = block === undefined ? undefined : parseDataSets(block.data)
  if (datasets === undefined) return { taken: [], people: [], keywords: [] }
  const decode = decoderOf(datasets)
  const textOf = (dataset: number): string | undefined => {
    const found = datasets.find((entry) => entry.record === 2 && entry.dataset === dataset)
    return found === undefined ? undefined : decode(found.data)
  }
  const caption = toCaption(textOf(120))
  const keywords = datasets.filter(({ record, dataset }) => record === 2 && dataset === 25)
  return {
    taken: readDate(textOf(55), textOf(60)),
    people: [],
    keywords: [...new Set(keywords.map(({ data }) => decode(data).trim()))].filter((text) => text !== ''),
    ...(caption !== undefined && { caption }),
  }
}

/** `20140501` and `123000+0200` to one evidence. */
function readDate(date: string | undefined, time: string | undefined): TakenEvidence[] {
  const day = /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})$/u.exec(date?.trim() ?? '')?.groups
  if (day === undefined) return []
  const clock = /^(?<hour>\d{2})(?<minute>\d{2})(?<second>\d{2})(?<zone>[+-]\d{4})?$/u.exec(
    time?.trim() ?? '',
  )
  const { hour, minute, second, zone = '' } = clock?.groups ?? {}
  const text = `${day['year']}-${day['month']}-${day['day']}`
  // Programs that know no zone write +0000: not believed.
  const offset = zone === '+0000' ? '' : zone
  const stated = parseMetadataDate(hour === undefined ? text : `${text}T${hour}:${minute}:${second}${offset}`)
  return stated === undefined ? [] : [toEvidence(stated, 'IPTC:DateCreated')]
}

/**
 * Merges a patch into the data of an APP13 segment.
 *
 * @param segment - Undefined when the file has none; then one is made, but only for words (not for a date alone).
 */
export function patchIptc(segment: Buffer | undefined, patch: MetadataPatch): IptcPatchResult {
  const resources = segment === undefined ? [] : parseResources(segment)
  if (resources === undefined) return { kind: 'left-alone', reason: 'the Photoshop segment is broken' }
  const blocks = resources.filter(({ id }) => id === IPTC_RESOURCE)
  if (blocks.length > 1) return { kind: 'left-alone', reason: 'there are several IPTC blocks' }
  const [block] = blocks
  const datasets = block === undefined ? [] : parseDataSets(block.data)
  if (datasets === undefined) return { kind: 'left-alone', reason: 'the IPTC block is broken' }
  if (!isUtf8(datasets)) return { kind: 'left-alone', reason: 'the IPTC text is not in UTF-8' }

  const patched = patchDataSets(datasets, patch, block !== undefined)
  if (patched === undefined) return { kind: 'unchanged' }
  const data = serializeDataSets(patched)
  const oldDigest = block === undefined ? undefined : md5(block.data)
  const others = resources
    .filter(({ id }) => id !== IPTC_RESOURCE)
    .map((resource) => withDigest(resource, oldDigest, md5(data)))
  const own = toResource(IPTC_RESOURCE, data)
  const at = block === undefined ? others.length : resources.indexOf(block)
  return { kind: 'patched', bytes: Buffer.concat([PHOTOSHOP_HEADER, ...others.toSpliced(at, 0, own)]) }
}

/**
 * The digest tells whether IPTC was changed by a program that does not know XMP. One that was true is made true
 * again; one that was already false keeps saying so.
 */
function withDigest(resource: Resource, old: Buffer | undefined, digest: Buffer): Buffer {
  const isOurs = resource.id === DIGEST_RESOURCE && old !== undefined && resource.data.equals(old)
  return isOurs ? toResource(DIGEST_RESOURCE, digest) : resource.bytes
}

function md5(data: Buffer): Buffer {
  return createHash('md5').update(data).digest()
}

function parseResources(segment: Buffer): Resource[] | undefined {
  if (!segment.subarray(0, PHOTOSHOP_HEADER.length).equals(PHOTOSHOP_HEADER)) return undefined
  const resources: Resource[] = []
  let at = PHOTOSHOP_HEADER.length
  while (at < segment.length) {
    const resource = parseResource(segment, at)
    if (resource === undefined) return undefined
    resources.push(resource)
    at += resource.bytes.length
  }
  return resources
}

function parseResource(segment: Buffer, at: number): Resource | undefined {
  // 8BIM, id, Pascal string padded to even, size, data padded to even.
  if (at + 12 > segment.length || segment.toString('latin1', at, at + 4) !== '8BIM') return undefined
  const nameBytes = (segment[at + 6] ?? 0) + 1
  const sizeAt = at + 6 + nameBytes + (nameBytes % 2)
  if (sizeAt + 4 > segment.length) return undefined
  const sizeBytes = segment.readUInt32BE(sizeAt)
  const dataAt = sizeAt + 4
  if (dataAt + sizeBytes > segment.length) return undefined
  // Some writers leave the padding off the last resource.
  const endAt = Math.min(dataAt + sizeBytes + (sizeBytes % 2), segment.length)
  return {
    id: segment.readUInt16BE(at + 4),
    bytes: segment.subarray(at, endAt),
    data: segment.subarray(dataAt, dataAt + sizeBytes),
  }
}

function toResource(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.write('8BIM', 'latin1')
  head.writeUInt16BE(id, 4)
  head.writeUInt32BE(data.length, 8)
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
}

function parseDataSets(block: Buffer): DataSet[] | undefined {
  const datasets: DataSet[] = []
  let at = 0
  while (at + 5 <= block.length && block[at] === 0x1c) {
    const sizeBytes = block.readUInt16BE(at + 3)
    const endAt = at + 5 + sizeBytes
    // Sizes from 0x8000 on mean a longer form that only pictures inside IPTC use.
    if (sizeBytes >= 0x8000 || endAt > block.length) return undefined
    datasets.push({
      record: block[at + 1] ?? 0,
      dataset: block[at + 2] ?? 0,
      data: block.subarray(at + 5, endAt),
    })
    at = endAt
  }
  // Padding of zeros is common; anything else is not understood.
  return block.subarray(at).every((byte) => byte === 0) ? datasets : undefined
}

function serializeDataSets(datasets: readonly DataSet[]): Buffer {
  return Buffer.concat(
    datasets.flatMap(({ record, dataset, data }) => {
      const head = Buffer.from([0x1c, record, dataset, 0, 0])
      head.writeUInt16BE(data.length, 3)
      return [head, data]
    }),
  )
}

function declaresUtf8(datasets: readonly DataSet[]): boolean {
  return datasets.some(
    ({ record, dataset, data }) => record === 1 && dataset === 90 && data.equals(UTF8_DECLARATION),
  )
}

/** Declared, or plain ASCII, or so shaped that it can hardly be anything else. */
function isUtf8(datasets: readonly DataSet[]): boolean {
  if (declaresUtf8(datasets)) return true
  if (datasets.some(({ record, dataset }) => record === 1 && dataset === 90)) return false
  return datasets.every(({ record, data }) => record !== 2 || decodeUtf8(data) !== undefined)
}

function decoderOf(datasets: readonly DataSet[]): (data: Buffer) => string {
  if (isUtf8(datasets)) return (data) => data.toString('utf8')
  return (data) => new TextDecoder('windows-1252').decode(data)
}

function decodeUtf8(data: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data)
  } catch {
    return undefined
  }
}

/** The changed list, or undefined when nothing changes. */
function patchDataSets(
  datasets: readonly DataSet[],
  patch: MetadataPatch,
  exists: boolean,
): DataSet[] | undefined {
  const wanted = [...captionSets(datasets, patch.caption), ...keywordSets(datasets, patch.keywords)]
  // A date alone is no reason to bring IPTC into a file that has none.
  if (exists || wanted.length > 0) wanted.push(...dateSets(datasets, patch.taken))
  if (wanted.length === 0) return undefined
  const replaced = new Set(wanted.filter(({ dataset }) => dataset !== 25).map(({ dataset }) => dataset))
  const kept = datasets.filter(({ record, dataset }) => record !== 2 || !replaced.has(dataset))
  const envelope = kept.filter(({ record }) => record === 1 && !declaresUtf8(datasets))
  const declared = declaresUtf8(datasets)
    ? kept.filter(({ record }) => record === 1)
    : [{ record: 1, dataset: 90, data: UTF8_DECLARATION }, ...envelope]
  const version = kept.some(({ record, dataset }) => record === 2 && dataset === 0)
    ? []
    : [{ record: 2, dataset: 0, data: Buffer.from([0, 4]) }]
  const application = [...kept.filter(({ record }) => record === 2), ...wanted]
  // Within a record IIM wants datasets in numeric order; the sort is stable, so lists keep theirs.
  application.sort((left, right) => left.dataset - right.dataset)
  return [...declared, ...version, ...application, ...kept.filter(({ record }) => record > 2)]
}

function captionSets(datasets: readonly DataSet[], caption: string | undefined): DataSet[] {
  const words = caption?.trim() ?? ''
  const data = Buffer.from(words)
  // A cut copy would contradict the whole text in XMP.
  if (words === '' || data.length > MAX_CAPTION_BYTES) return []
  const existing = datasets.find(({ record, dataset }) => record === 2 && dataset === 120)
  if (!mayReplaceCaption(existing?.data.toString('utf8'), words)) return []
  return [{ record: 2, dataset: 120, data }]
}

function keywordSets(datasets: readonly DataSet[], keywords: readonly string[] | undefined): DataSet[] {
  const known = new Set(
    datasets
      .filter(({ record, dataset }) => record === 2 && dataset === 25)
      .map(({ data }) => data.toString('utf8').trim()),
  )
  return [...new Set(keywords)]
    .filter((keyword) => !known.has(keyword))
    .map((keyword) => ({ record: 2, dataset: 25, data: Buffer.from(keyword) }))
    .filter(({ data }) => data.length > 0 && data.length <= MAX_KEYWORD_BYTES)
}

function dateSets(datasets: readonly DataSet[], taken: MetadataPatch['taken']): DataSet[] {
  if (taken === undefined) return []
  const { local, offsetMinutes } = taken
  const zone = offsetMinutes === undefined ? '' : formatOffset(offsetMinutes).replace(':', '')
  const wanted = [
    { record: 2, dataset: 55, data: Buffer.from(local.slice(0, 10).replaceAll('-', '')) },
    { record: 2, dataset: 60, data: Buffer.from(local.slice(11, 19).replaceAll(':', '') + zone) },
  ]
  return wanted.filter(
    ({ dataset, data }) =>
      !datasets.some((own) => own.record === 2 && own.dataset === dataset && own.data.equals(data)),
  )
}
