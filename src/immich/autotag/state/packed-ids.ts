/**
 * Many ids in few bytes: 16 for a UUID instead of 39 in JSON.
 *
 * Immich's ids are UUIDs in lower case. Ids that are not, of some other version, are kept as they are, as text.
 *
 * @module
 */

/** The first byte says how the rest is to be read. */
const AS_UUIDS = 1
const AS_TEXT = 2

const UUID_BYTES = 16
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u

export function packIds(ids: readonly string[]): Uint8Array {
  if (!ids.every((id) => UUID.test(id))) {
    return Buffer.concat([Buffer.of(AS_TEXT), Buffer.from(JSON.stringify(ids))])
  }
  const packed = Buffer.alloc(1 + ids.length * UUID_BYTES)
  packed[0] = AS_UUIDS
  for (const [index, id] of ids.entries()) {
    packed.write(id.replaceAll('-', ''), 1 + index * UUID_BYTES, 'hex')
  }
  return packed
}

/** @throws {RangeError} when it was not made by {@link packIds}. */
export function unpackIds(packed: Uint8Array): string[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  if (bytes[0] === AS_TEXT) return JSON.parse(bytes.toString('utf8', 1)) as string[]
  if (bytes[0] !== AS_UUIDS || bytes.length % UUID_BYTES !== 1) throw new RangeError('packed ids are damaged')
  const hex = bytes.toString('hex', 1)
  const ids: string[] = []
  for (let at = 0; at < hex.length; at += 2 * UUID_BYTES) ids.push(dashed(hex.slice(at, at + 2 * UUID_BYTES)))
  return ids
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
