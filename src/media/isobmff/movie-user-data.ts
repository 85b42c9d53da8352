/**
 * A movie's user data (`udta`): the place as Android writes it, and QuickTime's XMP packet.
 *
 * @module
 */

import type { Position } from '../metadata.ts'
import { type Atom, Handover, onlyAtom, parseAtoms, toBox, toContent, uint16 } from './atoms.ts'

export const PLACE = '\xa9xyz'
export const XMP = 'XMP_'

/** The box with its content replaced, or added behind the others. @throws {@link Handover} */
export function putUserData(udta: Buffer | undefined, type: string, content: Buffer): Buffer {
  if (udta === undefined) return toBox(type, content)
  const data = parseAtoms(udta, 'udta')
  const existing = onlyAtom(data.atoms, type)
  return toContent(data, new Map([[existing, content]]), existing === undefined ? [toBox(type, content)] : [])
}

/** The only box of a type in the user data. @throws {@link Handover} */
export function findUserData(udta: Buffer | undefined, type: string): Atom | undefined {
  return udta === undefined ? undefined : onlyAtom(parseAtoms(udta, 'udta').atoms, type)
}

/** The content of the place's box: length, language, text. The language of one that is there stays. */
export function toPlaceContent(position: Position, existing: Atom | undefined): Buffer {
  const text = Buffer.from(toIso6709(position))
  if (existing === undefined) return Buffer.concat([uint16(text.length), uint16(0), text])
  if (existing.data.length < 4 || existing.data.readUInt16BE(0) !== existing.data.length - 4) {
    throw new Handover('the place in the user data has several languages or another form')
  }
  return Buffer.concat([uint16(text.length), existing.data.subarray(2, 4), text])
}

/** `+48.8577+002.2950+012.500/`, with three to nine decimals: Google Photos wants three at least. */
export function toIso6709({ latitude, longitude, altitudeM }: Position): string {
  const altitude = altitudeM === undefined ? '' : decimal(altitudeM, 1)
  return `${decimal(latitude, 2)}${decimal(longitude, 3)}${altitude}/`
}

function decimal(value: number, digits: number): string {
  const [whole = '', fraction = ''] = Math.abs(value).toFixed(9).split('.')
  const trimmed = fraction.replace(/0+$/u, '').padEnd(3, '0')
  return `${value < 0 ? '-' : '+'}${whole.padStart(digits, '0')}.${trimmed}`
}
