/**
 * What an XMP packet says of a photo: when, where, who, and in which words.
 *
 * For packets inside files and for `.xmp` files beside them. People are found in all three places that programs
 * use: IPTC's PersonInImage, the Metadata Working Group's face regions, Microsoft's face regions.
 *
 * @module
 */

import type { Element } from '@xmldom/xmldom'
import { toCaption } from '../exif/caption-text.ts'
import { parseMetadataDate, toEvidence } from '../exif/metadata-date.ts'
import type { EmbeddedMetadata, EvidenceSource, Position, TakenEvidence } from '../metadata.ts'
import type { PropertyName, XmpPacket } from './xmp-packet.ts'
import { findItems, findText, NAMESPACES, parseXmpPacket, textOf } from './xmp-packet.ts'

/** Best first. `xmp:CreateDate` is when the digital file was made: the scan's day for a scan. */
const DATE_FIELDS: readonly PropertyName[] = [
  'exif:DateTimeOriginal',
  'photoshop:DateCreated',
  'xmp:CreateDate',
  'exif:DateTimeDigitized',
]

/**
 * Reads an XMP packet.
 *
 * @param xml - The packet's text, with or without its `xpacket` wrapper.
 * @param source - `xmp-sidecar` for a file beside the photo.
 * @throws `BrokenXmpError` for what is no packet, or too large, or declares a document type.
 */
export function readXmp(
  xml: string,
  source: Extract<EvidenceSource, 'embedded' | 'xmp-sidecar'> = 'embedded',
): EmbeddedMetadata {
  const packet = parseXmpPacket(xml)
  const position = readPosition(packet)
  const caption = toCaption(findText(packet, 'dc:description'))
  const rating = readRating(findText(packet, 'xmp:Rating'))
  const originalName = nonEmpty(findText(packet, 'xmpMM:PreservedFileName'))
  const make = nonEmpty(findText(packet, 'tiff:Make'))
  const model = nonEmpty(findText(packet, 'tiff:Model'))
  return {
    taken: readDates(packet, source),
    people: readPeople(packet),
    keywords: unique([...findItems(packet, 'dc:subject'), ...findItems(packet, 'lr:hierarchicalSubject')]),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(rating !== undefined && { rating }),
    ...(originalName !== undefined && { originalName }),
    ...(make !== undefined && { make }),
    ...(model !== undefined && { model }),
    ...(isMotionPhoto(packet) && { motionPhoto: true }),
  }
}

function readDates(packet: XmpPacket, source: EvidenceSource): TakenEvidence[] {
  const dates = DATE_FIELDS.flatMap((name) => {
    const stated = parseMetadataDate(findText(packet, name) ?? '')
    return stated === undefined ? [] : [toEvidence(stated, `XMP-${name}`, { source })]
  })
  return [...dates, ...readGpsDate(packet, source)]
}

function readGpsDate(packet: XmpPacket, source: EvidenceSource): TakenEvidence[] {
  const text = findText(packet, 'exif:GPSTimeStamp') ?? findText(packet, 'exif:GPSDateTime')
  const stated = parseMetadataDate(text ?? '')
  if (stated === undefined || stated.precision === 'day') return []
  const { at, precision } = toEvidence(stated, '', { offsetMinutes: 0 })
  return at === undefined ? [] : [{ source, detail: 'XMP-exif:GPSDateTime', at, precision }]
}

/** XMP writes `60,8.8023N` or `60,8,48.1N`; some programs plain signed degrees. */
function readPosition(packet: XmpPacket): Position | undefined {
  const latitude = parseCoordinate(findText(packet, 'exif:GPSLatitude'), 90)
  const longitude = parseCoordinate(findText(packet, 'exif:GPSLongitude'), 180)
  if (latitude === undefined || longitude === undefined) return undefined
  if (latitude === 0 && longitude === 0) return undefined
  const altitudeM = readAltitude(packet)
  return altitudeM === undefined ? { latitude, longitude } : { latitude, longitude, altitudeM }
}

const COORDINATE =
  /^\s*(?<degrees>-?\d+(?:\.\d+)?)(?:,(?<minutes>\d+(?:\.\d+)?))?(?:,(?<seconds>\d+(?:\.\d+)?))?\s*(?<ref>[NSEW])?\s*$/u

function parseCoordinate(text: string | undefined, limit: number): number | undefined {
  const parts = COORDINATE.exec(text ?? '')?.groups
  if (parts === undefined) return undefined
  const size =
    Number(parts['degrees']) + Number(parts['minutes'] ?? 0) / 60 + Number(parts['seconds'] ?? 0) / 3600
  const degrees = parts['ref'] === 'S' || parts['ref'] === 'W' ? -size : size
  return Math.abs(degrees) <= limit ? degrees : undefined
}

function readAltitude(packet: XmpPacket): number | undefined {
  const parts = /^\s*(?<top>-?\d+(?:\.\d+)?)(?:\/(?<bottom>\d+))?\s*$/u.exec(
    findText(packet, 'exif:GPSAltitude') ?? '',
  )?.groups
  if (parts === undefined) return undefined
  const altitudeM = Number(parts['top']) / Number(parts['bottom'] ?? 1)
  if (!Number.isFinite(altitudeM)) return undefined
  return findText(packet, 'exif:GPSAltitudeRef')?.trim() === '1' ? -altitudeM : altitudeM
}

function readRating(text: string | undefined): number | undefined {
  const rating = Math.round(Number(nonEmpty(text)))
  return rating >= -1 && rating <= 5 ? rating : undefined
}

function readPeople(packet: XmpPacket): string[] {
  const { document } = packet
  const regions = [...document.getElementsByTagNameNS(NAMESPACES['mwg-rs'], '*')].flatMap((element) =>
    element.localName === 'RegionList' ? faceNames(element) : [],
  )
  const microsoft = [...document.getElementsByTagNameNS(NAMESPACES.MPReg, 'PersonDisplayName')].map(textOf)
  const attributes = [...document.getElementsByTagNameNS(NAMESPACES.rdf, '*')].flatMap((element) => {
    const name = element.getAttributeNS(NAMESPACES.MPReg, 'PersonDisplayName')
    return name === null ? [] : [name]
  })
  return unique([...findItems(packet, 'Iptc4xmpExt:PersonInImage'), ...regions, ...microsoft, ...attributes])
}

/** Names of the regions marked as faces; pets, barcodes and focus points are no people. */
function faceNames(list: Element): string[] {
  return [...list.getElementsByTagNameNS(NAMESPACES.rdf, '*')].flatMap((element) => {
    const type = ownValue(element, 'Type')
    const name = ownValue(element, 'Name')
    return name !== undefined && (type ?? 'Face') === 'Face' ? [name] : []
  })
}

/** A region's field, as attribute or as child element. */
function ownValue(element: Element, local: string): string | undefined {
  const attribute = element.getAttributeNS(NAMESPACES['mwg-rs'], local)
  if (attribute !== null && attribute !== '') return attribute
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType !== 1 || node.localName !== local || node.namespaceURI !== NAMESPACES['mwg-rs'])
      continue
    return node.textContent ?? undefined
  }
  return undefined
}

function isMotionPhoto(packet: XmpPacket): boolean {
  return ['GCamera:MotionPhoto', 'GCamera:MicroVideo'].some(
    (name) => findText(packet, name as PropertyName)?.trim() === '1',
  )
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts.map((text) => text.trim()).filter((text) => text !== ''))]
}
