/**
 * Merges what the library knows into an XMP packet, and writes `.xmp` files beside photos.
 *
 * Only the named properties are touched; everything else in a packet (developing settings, gain maps, motion
 * photo directories, face regions) goes through unchanged. Lists only grow. A caption is replaced only by a
 * text that contains it.
 *
 * @module
 */

import type { Element } from '@xmldom/xmldom'
import { mayReplaceCaption, toPlainLines } from '../exif/caption-text.ts'
import { formatOffset, parseMetadataDate } from '../exif/metadata-date.ts'
import type { EmbeddedMetadata, MetadataPatch, Position } from '../metadata.ts'
import type { PropertyName, XmpPacket } from './xmp-packet.ts'
import {
  containerOf,
  findItems,
  findPropertyElement,
  findText,
  itemElements,
  NAMESPACES,
  parseXmpPacket,
  serializeXmpPacket,
  splitName,
  textOf,
  wrapPacket,
} from './xmp-packet.ts'

/** The dates that say when a photo was taken. Written together, so that no program reads an older one. */
const DATE_PROPERTIES: readonly PropertyName[] = [
  'exif:DateTimeOriginal',
  'photoshop:DateCreated',
  'xmp:CreateDate',
]

/**
 * Merges a patch into an XMP packet.
 *
 * @param existing - The file's own packet, undefined when it has none.
 * @returns The whole new packet, or undefined when there is nothing to write.
 * @throws `BrokenXmpError` when `existing` cannot be read: it must not be replaced, for what it holds is unknown.
 */
export function patchXmp(existing: string | undefined, patch: MetadataPatch): string | undefined {
  if (existing === undefined) return createXmp(patch)
  const packet = parseXmpPacket(existing)
  const changes = [
    ...simpleFields(patch).map(([name, value]) => setText(packet, name, value)),
    patch.taken === undefined && addOffsets(packet, patch.offsetMinutes),
    patchCaption(packet, captionOf(patch)),
    ...listFields(patch).map(([name, items]) => addItems(packet, name, items)),
  ]
  return changes.includes(true) ? serializeXmpPacket(packet) : undefined
}

/** Properties of a single value; dates with their offset when it is known. */
function simpleFields(patch: MetadataPatch): [PropertyName, string][] {
  const { taken, position, rating, originalName } = patch
  const offset = taken?.offsetMinutes === undefined ? '' : formatOffset(taken.offsetMinutes)
  const dates = DATE_PROPERTIES.map((name): [PropertyName, string] => [name, (taken?.local ?? '') + offset])
  const fields: [PropertyName, string][] = [
    ...(taken === undefined ? [] : dates),
    ...(position === undefined ? [] : positionFields(position)),
    ['xmp:Rating', rating?.toString() ?? ''],
    ['xmpMM:PreservedFileName', originalName ?? ''],
  ]
  return fields
    .map(([name, value]): [PropertyName, string] => [name, toXmlText(value).trim()])
    .filter(([, value]) => value !== '')
}

/** Properties that are lists: each item once, in the order given. */
function listFields(patch: MetadataPatch): [PropertyName, string[]][] {
  const lists: [PropertyName, readonly string[] | undefined][] = [
    ['Iptc4xmpExt:PersonInImage', patch.people],
    ['dc:subject', patch.keywords],
    ['lr:hierarchicalSubject', patch.hierarchicalKeywords],
  ]
  return lists
    .map(([name, items]): [PropertyName, string[]] => {
      const texts = (items ?? []).map((item) => toXmlText(item).trim())
      return [name, [...new Set(texts)].filter((text) => text !== '')]
    })
    .filter(([, items]) => items.length > 0)
}

function captionOf(patch: MetadataPatch): string {
  return toXmlText(patch.caption ?? '').trim()
}

/** A new packet as text: most photos have none, and building a tree for it would cost most of their time. */
function createXmp(patch: MetadataPatch): string | undefined {
  const simple = simpleFields(patch)
  const lists = listFields(patch)
  const caption = captionOf(patch)
  if (simple.length + lists.length === 0 && caption === '') return undefined
  const names = [...simple.map(([name]) => name), ...lists.map(([name]) => name)]
  const prefixes = new Set([
    ...names.map((name) => splitName(name).prefix),
    ...(caption === '' ? [] : ['dc' as const]),
  ])
  const namespaces = [...prefixes].map((prefix) => `\n  xmlns:${prefix}="${NAMESPACES[prefix]}"`)
  const attributes = simple.map(([name, value]) => `\n  ${name}="${escapeXml(value)}"`)
  const elements = lists.map(([name, items]) => {
    const list = items.map((item) => `<rdf:li>${escapeXml(item)}</rdf:li>`).join('')
    return `\n <${name}><rdf:Bag>${list}</rdf:Bag></${name}>`
  })
  const words =
    caption === ''
      ? ''
      : `\n <dc:description><rdf:Alt><rdf:li xml:lang="x-default">${escapeXml(caption)}</rdf:li></rdf:Alt></dc:description>`
  return wrapPacket(
    `<x:xmpmeta xmlns:x="${NAMESPACES.x}">\n<rdf:RDF xmlns:rdf="${NAMESPACES.rdf}">\n` +
      `<rdf:Description rdf:about=""${namespaces.join('')}${attributes.join('')}>${words}${elements.join('')}\n` +
      '</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>',
  )
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** For text and attributes alike; line breaks as references, because an attribute's would become blanks. */
function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"\t\n\r]/gu, (character) => ESCAPES[character] ?? character)
}

/**
 * The `.xmp` beside a file whose bytes stay as they are: all that the patch says and, where it is silent,
 * what the file says of itself, because programs that find a sidecar read nothing else.
 */
export function createXmpSidecar(patch: MetadataPatch, embedded?: EmbeddedMetadata): string {
  const whole = embedded === undefined ? patch : withEmbedded(patch, embedded)
  return createXmp(whole) ?? wrapPacket(EMPTY_ROOT)
}

function withEmbedded(patch: MetadataPatch, embedded: EmbeddedMetadata): MetadataPatch {
  const { position, caption, rating, originalName, people, keywords } = embedded
  const taken = takenOf(embedded, patch.offsetMinutes)
  const own: MetadataPatch = {
    ...(taken && { taken }),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(rating !== undefined && { rating }),
    ...(originalName !== undefined && { originalName }),
  }
  const isHierarchical = (keyword: string): boolean => keyword.includes('|')
  return {
    ...own,
    ...patch,
    people: [...people, ...(patch.people ?? [])],
    keywords: [...keywords.filter((keyword) => !isHierarchical(keyword)), ...(patch.keywords ?? [])],
    hierarchicalKeywords: [...keywords.filter(isHierarchical), ...(patch.hierarchicalKeywords ?? [])],
  }
}

/** A packet that says nothing, of a file nothing is known of. */
const EMPTY_ROOT = `<x:xmpmeta xmlns:x="${NAMESPACES.x}"><rdf:RDF xmlns:rdf="${NAMESPACES.rdf}"/></x:xmpmeta>`

/** The file's own best date. A GPS time alone has no wall clock, and a day alone no time to write. */
function takenOf(embedded: EmbeddedMetadata, offsetMinutes: number | undefined): MetadataPatch['taken'] {
  const best = embedded.taken.find(({ local, precision }) => local !== undefined && precision === 'second')
  if (best?.local === undefined) return undefined
  const offset = best.offsetMinutes ?? offsetMinutes
  const at = best.at ?? Date.parse(`${best.local}Z`)
  return offset === undefined ? { local: best.local, at } : { local: best.local, at, offsetMinutes: offset }
}

/** The two that mean the moment of the picture; `xmp:CreateDate` may be a scan's, made elsewhere. */
function addOffsets(packet: XmpPacket, offsetMinutes: number | undefined): boolean {
  if (offsetMinutes === undefined) return false
  return DATE_PROPERTIES.slice(0, 2)
    .map((name) => addOffset(packet, name, offsetMinutes))
    .includes(true)
}

function addOffset(packet: XmpPacket, name: PropertyName, offsetMinutes: number): boolean {
  const text = findText(packet, name)?.trim()
  const stated = text === undefined ? undefined : parseMetadataDate(text)
  if (text === undefined || stated === undefined || stated.offsetMinutes !== undefined) return false
  if (stated.precision !== 'second' && stated.precision !== 'minute') return false
  return setText(packet, name, text + formatOffset(offsetMinutes))
}

function positionFields({ latitude, longitude, altitudeM }: Position): [PropertyName, string][] {
  const place: [PropertyName, string][] = [
    ['exif:GPSLatitude', toXmpCoordinate(latitude, 'N', 'S')],
    ['exif:GPSLongitude', toXmpCoordinate(longitude, 'E', 'W')],
  ]
  if (altitudeM === undefined) return place
  const millimetres = Math.round(Math.abs(altitudeM) * 1000)
  return [
    ...place,
    ['exif:GPSAltitude', `${millimetres}/1000`],
    ['exif:GPSAltitudeRef', altitudeM < 0 ? '1' : '0'],
  ]
}

/** `60,8.80233N`: degrees, minutes with eight decimals (under a millimetre), reference. */
function toXmpCoordinate(degrees: number, positive: string, negative: string): string {
  const minutes = Math.round(Math.abs(degrees) * 60 * 1e8) / 1e8
  const whole = Math.floor(minutes / 60)
  return `${whole},${Number((minutes - whole * 60).toFixed(8))}${degrees < 0 ? negative : positive}`
}

function patchCaption(packet: XmpPacket, wanted: string): boolean {
  if (wanted === '' || !mayReplaceCaption(findText(packet, 'dc:description'), wanted)) return false
  const element = propertyElement(packet, 'dc:description')
  const item = defaultItem(packet, element)
  if (textOf(item) === wanted) return false
  item.textContent = wanted
  return true
}

/** The `x-default` item of a language alternative; made when missing. */
function defaultItem(packet: XmpPacket, element: Element): Element {
  const [first] = itemElements(element)
  if (first !== undefined) return first
  element.textContent = ''
  const item = appendItem(packet, container(packet, element, 'Alt'), '')
  item.setAttribute('xml:lang', 'x-default')
  return item
}

function addItems(packet: XmpPacket, name: PropertyName, items: readonly string[]): boolean {
  const existing = new Set(findItems(packet, name))
  const missing = items.filter((item) => !existing.has(item))
  if (missing.length === 0) return false
  const element = propertyElement(packet, name)
  if (containerOf(element) === undefined) {
    element.textContent = ''
    const bag = container(packet, element, 'Bag')
    for (const item of existing) appendItem(packet, bag, item)
  }
  const bag = container(packet, element, 'Bag')
  for (const item of missing) appendItem(packet, bag, item)
  return true
}

/** The property's element, made when missing; an attribute of the same name gives way to it. */
function propertyElement(packet: XmpPacket, name: PropertyName): Element {
  const { namespace, local, prefix } = splitName(name)
  for (const description of packet.descriptions) description.removeAttributeNS(namespace, local)
  const existing = findPropertyElement(packet, name)
  if (existing !== undefined) return existing
  const element = packet.document.createElementNS(namespace, `${prefix}:${local}`)
  packet.descriptions[0].appendChild(element)
  return element
}

function container(packet: XmpPacket, element: Element, kind: 'Alt' | 'Bag'): Element {
  const existing = containerOf(element)
  if (existing !== undefined) return existing
  const made = packet.document.createElementNS(NAMESPACES.rdf, `rdf:${kind}`)
  element.appendChild(made)
  return made
}

function appendItem(packet: XmpPacket, list: Element, text: string): Element {
  const item = packet.document.createElementNS(NAMESPACES.rdf, 'rdf:li')
  item.textContent = text
  list.appendChild(item)
  return item
}

/** Sets a simple property where it stands, attribute or element; true when that changed something. */
function setText(packet: XmpPacket, name: PropertyName, text: string): boolean {
  if (findText(packet, name) === text) return false
  const { namespace, local, prefix } = splitName(name)
  for (const description of packet.descriptions) {
    const attribute = description.getAttributeNodeNS(namespace, local)
    if (attribute === null) continue
    attribute.value = text
    return true
  }
  const element = findPropertyElement(packet, name)
  if (element !== undefined) element.textContent = text
  else packet.descriptions[0].setAttributeNS(namespace, `${prefix}:${local}`, text)
  return true
}

/** Drops what XML 1.0 cannot carry even escaped: control characters, U+FFFE, U+FFFF; a half surrogate becomes U+FFFD. */
export function toXmlText(text: string): string {
  return toPlainLines(text)
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .replaceAll(XML_FORBIDDEN, '')
}

const XML_FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very characters to be removed
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/gu
