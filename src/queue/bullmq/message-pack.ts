/**
 * Packs the few options that BullMQ's scripts unpack with `cmsgpack`.
 *
 * BullMQ answers a claimed job as its own class, without the fields of ours in its hash; so the claim is sent from here, and
 * this is the one argument of it that is not plain text. See https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * @module
 */

/** Undefined ones are left out. */
export type Packable = string | number | { readonly [key: string]: Packable | undefined }

/** A map of fewer than 16 entries on each level, with texts shorter than 64 KiB. */
export function pack(value: Packable): Buffer {
  if (typeof value === 'string') return packText(value)
  if (typeof value === 'number') return packNumber(value)
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  const parts = entries.flatMap(([key, field]) => [packText(key), pack(field ?? 0)])
  return Buffer.concat([Buffer.from([0x80 | entries.length]), ...parts])
}

function packText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const head = Buffer.alloc(3)
  head.writeUInt8(0xda, 0)
  head.writeUInt16BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** Lua has doubles only, so that nothing is lost. */
function packNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.writeUInt8(0xcb, 0)
  bytes.writeDoubleBE(value, 1)
  return bytes
}
