/**
 * What the settings of the server accept.
 *
 * @module
 */

import { parseBytes } from '../units.ts'
import { type ReadValue, text } from './setting-values.ts'

const MAX_PORT = 65_535

/** 0 for any port that is free. */
export const portNumber: ReadValue<number> = (raw) => {
  const value = typeof raw === 'string' && /^\d{1,5}$/u.test(raw.trim()) ? Number(raw) : raw
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_PORT
    ? value
    : undefined
}

/** An amount of bytes, such as `2GB`; kept as it is written. */
export const byteSize: ReadValue<string> = (raw) => {
  const given = typeof raw === 'number' ? String(raw) : text(raw)
  const bytes = given === undefined ? undefined : parseBytes(given)
  return bytes !== undefined && bytes > 0 && Number.isSafeInteger(bytes) ? given : undefined
}

/** `s3://bucket/prefix`; what exactly is wrong with one is said when it is opened. */
export const bucketAddress: ReadValue<string> = (raw) => {
  const given = text(raw)
  return given?.startsWith('s3://') ? given : undefined
}

/** A name or address to listen on, without a port. */
export const hostName: ReadValue<string> = (raw) => {
  const given = text(raw)
  return given !== undefined && /^[\w.:-]{1,253}$/u.test(given) ? given : undefined
}
