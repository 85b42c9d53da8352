/**
 * The XMP packet as a tree: parse it, find its properties, and write it back.
 *
 * XMP is RDF in XML, and the same property may be an attribute or an element, in any of several
 * `rdf:Description`s. Packets come out of strangers' files, so they are limited in size and depth, and document
 * types (the door to entity bombs and to reading local files) are refused.
 *
 * @module
 */

import { createRequire } from 'node:module'
import type { Document, Element } from '@xmldom/xmldom'
import { HeirloomError } from '../../errors.ts'

/** The namespaces that are read or written here, by their usual prefixes. */
export const NAMESPACES = {
  rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  x: 'adobe:ns:meta/',
  dc: 'http://purl.org/dc/elements/1.1/',
  exif: 'http://ns.adobe.com/exif/1.0/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  xmpMM: 'http://ns.adobe.com/xap/1.0/mm/',
  lr: 'http://ns.adobe.com/lightroom/1.0/',
  tiff: 'http://ns.adobe.com/tiff/1.0/',
  Iptc4xmpExt: 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/',
  'mwg-rs': 'http://www.metadataworkinggroup.com/schemas/regions/',
  MicrosoftPhoto: 'http://ns.microsoft.com/photo/1.0/',
  MP: 'http://ns.microsoft.com/photo/1.2/',
  MPRI: 'http://ns.microsoft.com/photo/1.2/t/RegionInfo#',
  MPReg: 'http://ns.microsoft.com/photo/1.2/t/Region#',
  digiKam: 'http://www.digikam.org/ns/1.0/',
  GCamera: 'http://ns.google.com/photos/1.0/camera/',
} as const

export type Prefix = keyof typeof NAMESPACES
/** A property such as `dc:subject`. */
export type PropertyName = `${Prefix}:${string}`

/** Sidecars with developing history reach some hundred kB; a packet inside a JPEG is under 64 kB. */
const MAX_PACKET_CHARS = 4 * 1024 * 1024

/** Real packets nest about 12 deep. */
const MAX_DEPTH = 64

const require: NodeJS.Require = createRequire(import.meta.url)

/** Loaded by the first packet (30 ms): most photos have none, and a new one is written without it. */
function xmlDom(): typeof import('@xmldom/xmldom') {
  return require('@xmldom/xmldom')
}

/** Thrown for text that is no XMP packet, or one made to do harm. */
export class BrokenXmpError extends HeirloomError {
  readonly code = 'media/broken-xmp'
  readonly recovery = 'discard'

  constructor(reason: string, options: ErrorOptions = {}) {
    super(`xmp packet ${reason}`, options)
  }
}

/** A parsed packet. Changed in place by the writer, then turned back to text. */
export interface XmpPacket {
  readonly document: Document
  /** The `rdf:Description` elements that hold the file's own properties; at least one. */
  readonly descriptions: readonly [Element, ...Element[]]
}

/** Parses an XMP packet, with or without its `xpacket` wrapper. @throws {@link BrokenXmpError} */
export function parseXmpPacket(xml: string): XmpPacket {
  const text = toParsableText(xml)
  const problems: string[] = []
  const document = parseXml(text, problems)
  const [problem] = problems
  if (problem !== undefined) throw new BrokenXmpError(`is not well-formed: ${problem}`)
  const rdf = document.getElementsByTagNameNS(NAMESPACES.rdf, 'RDF')[0]
  if (rdf === undefined) throw new BrokenXmpError('holds no rdf:RDF')
  const [first, ...others] = childElements(rdf).filter((child) => isNamed(child, 'rdf:Description'))
  if (first !== undefined) return { document, descriptions: [first, ...others] }
  const description = document.createElementNS(NAMESPACES.rdf, `${rdf.prefix ?? 'rdf'}:Description`)
  description.setAttributeNS(NAMESPACES.rdf, `${rdf.prefix ?? 'rdf'}:about`, '')
  rdf.appendChild(description)
  return { document, descriptions: [description] }
}

function toParsableText(xml: string): string {
  if (xml.length > MAX_PACKET_CHARS) throw new BrokenXmpError(`is ${xml.length} characters long`)
  if (/<!(?:DOCTYPE|ENTITY)/iu.test(xml)) throw new BrokenXmpError('declares a document type')
  // Between the wrapper's processing instructions; padding and a byte-order mark lie outside.
  const startAt = xml.search(/<(?:[\w-]+:)?(?:xmpmeta|xapmeta|RDF)\b/u)
  const wrapperAt = xml.lastIndexOf('<?xpacket end')
  const endAt = xml.lastIndexOf('>', wrapperAt < 0 ? xml.length : wrapperAt) + 1
  if (startAt < 0 || endAt <= startAt) throw new BrokenXmpError('holds no rdf:RDF')
  const text = xml.slice(startAt, endAt)
  if (depthOf(text) > MAX_DEPTH) throw new BrokenXmpError(`nests deeper than ${MAX_DEPTH} elements`)
  return text
}

/** The deepest nesting of the tags; those in comments count too, which is only ever too strict. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const { groups } of text.matchAll(/<(?<kind>[/!?]?)[^<>]*?(?<closed>\/?)>/gu)) {
    const kind = groups?.['kind']
    if (kind === '/') depth -= 1
    else if (kind === '' && groups?.['closed'] === '') depth += 1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

function parseXml(text: string, problems: string[]): Document {
  try {
    const parser = new (xmlDom().DOMParser)({
      // As XML 1.0 says. The default is that of 1.1, which would turn U+0085, U+2028 and U+2029 of texts that are
      // not ours into line breaks.
      normalizeLineEndings: (source) => source.replaceAll(/\r\n?/gu, '\n'),
      onError: (level, message) => {
        if (level !== 'warning') problems.push(message)
      },
    })
    return parser.parseFromString(text, 'text/xml')
  } catch (cause) {
    throw new BrokenXmpError('is not well-formed', { cause })
  }
}

/** The packet as text, in the `xpacket` wrapper that marks it as XMP wherever it is embedded. */
export function serializeXmpPacket(packet: XmpPacket): string {
  // A carriage return can only come from a reference, and would not survive the next parser as itself.
  const text = new (xmlDom().XMLSerializer)().serializeToString(packet.document)
  return wrapPacket(text.replaceAll('\r', '&#13;'))
}

/** Puts the `xpacket` wrapper around a packet's root element. */
export function wrapPacket(root: string): string {
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>\n${root}\n<?xpacket end="w"?>`
}

/** Namespace and local name of `dc:subject`. */
export function splitName(name: PropertyName): { namespace: string; local: string; prefix: Prefix } {
  const [prefix, local] = name.split(':') as [Prefix, string]
  return { namespace: NAMESPACES[prefix], local, prefix }
}

/** Whether an element has this name, whatever prefix the packet uses for the namespace. */
export function isNamed(element: Element, name: PropertyName): boolean {
  const { namespace, local } = splitName(name)
  return element.namespaceURI === namespace && element.localName === local
}

/** The elements directly inside one. */
export function childElements(parent: Element): Element[] {
  const children: Element[] = []
  for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === 1) children.push(node as Element)
  }
  return children
}

/** The element of a property among the packet's descriptions. */
export function findPropertyElement(packet: XmpPacket, name: PropertyName): Element | undefined {
  for (const description of packet.descriptions) {
    const found = childElements(description).find((child) => isNamed(child, name))
    if (found !== undefined) return found
  }
  return undefined
}

/** A simple property's text, be it attribute or element; an array gives its first item. */
export function findText(packet: XmpPacket, name: PropertyName): string | undefined {
  const { namespace, local } = splitName(name)
  for (const description of packet.descriptions) {
    const attribute = description.getAttributeNodeNS(namespace, local)
    if (attribute !== null) return attribute.value
  }
  const element = findPropertyElement(packet, name)
  return element === undefined ? undefined : (itemsOf(element)[0] ?? textOf(element))
}

/** All items of an array property (Bag, Seq, Alt); a simple value counts as one item. */
export function findItems(packet: XmpPacket, name: PropertyName): readonly string[] {
  const element = findPropertyElement(packet, name)
  const items = element === undefined ? [] : itemsOf(element)
  if (items.length > 0) return items
  const text = findText(packet, name)?.trim()
  return text === undefined || text === '' ? [] : [text]
}

/** The `rdf:Bag`, `rdf:Seq` or `rdf:Alt` inside a property element. */
export function containerOf(element: Element): Element | undefined {
  return childElements(element).find(
    (child) => child.namespaceURI === NAMESPACES.rdf && /^(?:Bag|Seq|Alt)$/u.test(child.localName ?? ''),
  )
}

/** The `rdf:li` elements of a property element. */
export function itemElements(element: Element): Element[] {
  const container = containerOf(element)
  return container === undefined ? [] : childElements(container).filter((child) => isNamed(child, 'rdf:li'))
}

function itemsOf(element: Element): string[] {
  return itemElements(element)
    .map((item) => textOf(item).trim())
    .filter((text) => text !== '')
}

/** An element's text. */
export function textOf(element: Element): string {
  return element.textContent ?? ''
}
