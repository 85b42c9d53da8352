/**
 * Writes zip archives byte by byte, honest ones and broken ones: every field of an entry can be overruled.
 *
 * @module
 */

import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntrySpec {
  readonly name: string | Buffer
  readonly data: Buffer | string
  /** Default: deflated. */
  readonly stored?: boolean
  readonly flags?: number
  readonly method?: number
  readonly crc32?: number
  /** What the headers claim; the data stays what it is. */
  readonly sizeBytes?: number
  readonly compressedSize?: number
  /** File type and permissions, as a Unix system writes them. */
  readonly unixMode?: number
  /** Epoch seconds, written as Info-ZIP's timestamp field. */
  readonly modifiedAtSeconds?: number
  /** Sizes behind the data, as programs write that stream (Google's among them). */
  readonly descriptor?: boolean
  /** Sizes and offset as 64-bit numbers, in the header and the directory. */
  readonly zip64?: boolean
  readonly extra?: Buffer
}

export interface ZipSpec {
  /** Put before the archive without counting in its offsets, as in a self-extracting one. */
  readonly prefix?: Buffer
  readonly comment?: string
  /** Put behind the archive. */
  readonly suffix?: Buffer
  readonly zip64?: boolean
  /** Whether the directory is written at all. */
  readonly directory?: boolean
}

interface Written {
  readonly spec: ZipEntrySpec
  readonly offset: number
  readonly compressedSize: number
  readonly sizeBytes: number
  readonly crc: number
}

const UTF8 = 0x800
const DESCRIPTOR = 0x8

export function writeZip(entries: readonly ZipEntrySpec[], spec: ZipSpec = {}): Buffer {
  const parts: Buffer[] = []
  let offset = 0
  const add = (...buffers: Buffer[]): void => {
    for (const buffer of buffers) {
      parts.push(buffer)
      offset += buffer.length
    }
  }
  const written: Written[] = []
  for (const entry of entries) {
    const data = Buffer.from(entry.data)
    const packed = entry.stored === true ? data : deflateRawSync(data)
    const facts = describe(entry, offset, data, packed)
    written.push(facts)
    add(localHeader(facts), packed)
    if (entry.descriptor === true) add(descriptor(facts))
  }
  const start = offset
  if (spec.directory !== false) {
    for (const facts of written) add(directoryRecord(facts))
    add(...endRecords(written.length, start, offset - start, spec))
  }
  return Buffer.concat([spec.prefix ?? Buffer.alloc(0), ...parts, spec.suffix ?? Buffer.alloc(0)])
}

function describe(spec: ZipEntrySpec, offset: number, data: Buffer, packed: Buffer): Written {
  return {
    spec,
    offset,
    compressedSize: spec.compressedSize ?? packed.length,
    sizeBytes: spec.sizeBytes ?? data.length,
    crc: spec.crc32 ?? crc32(data),
  }
}

function rawName({ name }: ZipEntrySpec): Buffer {
  return Buffer.from(name as string)
}

function flagsOf(spec: ZipEntrySpec): number {
  if (spec.flags !== undefined) return spec.flags
  return (typeof spec.name === 'string' ? UTF8 : 0) | (spec.descriptor === true ? DESCRIPTOR : 0)
}

function methodOf(spec: ZipEntrySpec): number {
  return spec.method ?? (spec.stored === true ? 0 : 8)
}

function extraOf(facts: Written, inDirectory: boolean): Buffer {
  const { spec } = facts
  const fields: Buffer[] = [spec.extra ?? Buffer.alloc(0)]
  if (spec.zip64 === true) {
    const numbers = [facts.sizeBytes, facts.compressedSize, ...(inDirectory ? [facts.offset] : [])]
    const field = Buffer.alloc(4 + 8 * numbers.length)
    field.writeUInt16LE(1, 0)
    field.writeUInt16LE(8 * numbers.length, 2)
    for (const [index, number] of numbers.entries()) field.writeBigUInt64LE(BigInt(number), 4 + 8 * index)
    fields.push(field)
  }
  if (spec.modifiedAtSeconds !== undefined) {
    const field = Buffer.alloc(9)
    field.writeUInt16LE(0x5455, 0)
    field.writeUInt16LE(5, 2)
    field.writeUInt8(1, 4)
    field.writeInt32LE(spec.modifiedAtSeconds, 5)
    fields.push(field)
  }
  return Buffer.concat(fields)
}

function localHeader(facts: Written): Buffer {
  const { spec } = facts
  const name = rawName(spec)
  const extra = extraOf(facts, false)
  const isLater = spec.descriptor === true
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(spec.zip64 === true ? 45 : 20, 4)
  header.writeUInt16LE(flagsOf(spec), 6)
  header.writeUInt16LE(methodOf(spec), 8)
  header.writeUInt32LE(isLater ? 0 : facts.crc, 14)
  header.writeUInt32LE(isLater ? 0 : narrow(spec, facts.compressedSize), 18)
  header.writeUInt32LE(isLater ? 0 : narrow(spec, facts.sizeBytes), 22)
  header.writeUInt16LE(name.length, 26)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, name, extra])
}

function narrow(spec: ZipEntrySpec, value: number): number {
  return spec.zip64 === true ? 0xffffffff : value
}

function descriptor({ spec, crc, compressedSize, sizeBytes }: Written): Buffer {
  const wide = spec.zip64 === true
  const bytes = Buffer.alloc(wide ? 24 : 16)
  bytes.writeUInt32LE(0x08074b50, 0)
  bytes.writeUInt32LE(crc, 4)
  if (wide) {
    bytes.writeBigUInt64LE(BigInt(compressedSize), 8)
    bytes.writeBigUInt64LE(BigInt(sizeBytes), 16)
  } else {
    bytes.writeUInt32LE(compressedSize, 8)
    bytes.writeUInt32LE(sizeBytes, 12)
  }
  return bytes
}

function directoryRecord(facts: Written): Buffer {
  const { spec } = facts
  const name = rawName(spec)
  const extra = extraOf(facts, true)
  const record = Buffer.alloc(46)
  record.writeUInt32LE(0x02014b50, 0)
  record.writeUInt16LE((3 << 8) | 45, 4)
  record.writeUInt16LE(20, 6)
  record.writeUInt16LE(flagsOf(spec), 8)
  record.writeUInt16LE(methodOf(spec), 10)
  record.writeUInt32LE(facts.crc, 16)
  record.writeUInt32LE(narrow(spec, facts.compressedSize), 20)
  record.writeUInt32LE(narrow(spec, facts.sizeBytes), 24)
  record.writeUInt16LE(name.length, 28)
  record.writeUInt16LE(extra.length, 30)
  record.writeUInt32LE(((spec.unixMode ?? 0o100644) << 16) >>> 0, 38)
  record.writeUInt32LE(narrow(spec, facts.offset), 42)
  return Buffer.concat([record, name, extra])
}

function endRecords(count: number, start: number, lengthBytes: number, spec: ZipSpec): Buffer[] {
  const wide = spec.zip64 === true
  const comment = Buffer.from(spec.comment ?? '')
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(wide ? 0xffff : count, 8)
  end.writeUInt16LE(wide ? 0xffff : count, 10)
  end.writeUInt32LE(wide ? 0xffffffff : lengthBytes, 12)
  end.writeUInt32LE(wide ? 0xffffffff : start, 16)
  end.writeUInt16LE(comment.length, 20)
  if (!wide) return [end, comment]
  const zip64 = Buffer.alloc(56 + 20)
  zip64.writeUInt32LE(0x06064b50, 0)
  zip64.writeBigUInt64LE(44n, 4)
  zip64.writeBigUInt64LE(BigInt(count), 24)
  zip64.writeBigUInt64LE(BigInt(count), 32)
  zip64.writeBigUInt64LE(BigInt(lengthBytes), 40)
  zip64.writeBigUInt64LE(BigInt(start), 48)
  zip64.writeUInt32LE(0x07064b50, 56)
  zip64.writeBigUInt64LE(BigInt(start + lengthBytes), 64)
  zip64.writeUInt32LE(1, 72)
  return [zip64, end, comment]
}
