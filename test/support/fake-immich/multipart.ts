/**
 * Reads `multipart/form-data` as it arrives, so that a file of any size never lies in memory.
 *
 * A boundary may be cut anywhere by the network: what could be the beginning of one is kept for the next chunk, and
 * only that. Fields are collected up to a limit, files go to the sink piece by piece.
 *
 * @module
 */

/** Longest text field, as in busboy, which the real server uses. */
const MAX_FIELD_BYTES = 1024 * 1024
const MAX_HEADER_BYTES = 16 * 1024

export interface MultipartSink {
  field(name: string, value: string): void
  fileStart(name: string, fileName: string): void
  fileData(chunk: Buffer): void
  fileEnd(): void
}

export class MultipartError extends Error {}

interface Part {
  readonly name: string
  /** Undefined for a text field. */
  readonly fileName: string | undefined
}

export class MultipartParser {
  readonly #delimiter: Buffer
  readonly #sink: MultipartSink
  #state: 'preamble' | 'boundary' | 'headers' | 'body' | 'done' = 'preamble'
  #rest: Buffer = Buffer.from('\r\n')
  #part: Part = { name: '', fileName: undefined }
  #text: Buffer[] = []
  #textBytes = 0

  constructor(boundary: string, sink: MultipartSink) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
    this.#sink = sink
  }

  /** @throws {@link MultipartError} when it is no multipart. */
  write(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let left = -1
    while (data.length > 0 && data.length !== left && this.#state !== 'done') {
      left = data.length
      data = this.#step(data)
    }
    this.#rest = this.#state === 'done' ? Buffer.alloc(0) : data
    if (this.#state === 'headers' && data.length > MAX_HEADER_BYTES)
      throw new MultipartError('part header too large')
  }

  /** @throws {@link MultipartError} when the closing boundary is missing. */
  end(): void {
    if (this.#state !== 'done') throw new MultipartError('unexpected end of form')
  }

  /** Answers what could not be used yet. */
  #step(data: Buffer): Buffer {
    switch (this.#state) {
      case 'preamble':
      case 'body':
        return this.#content(data)
      case 'boundary':
        return this.#boundary(data)
      case 'headers':
        return this.#headers(data)
      case 'done':
        return data
    }
  }

  #content(data: Buffer): Buffer {
    const found = data.indexOf(this.#delimiter)
    const end = found === -1 ? this.#possibleStart(data) : found
    if (this.#state === 'body') {
      if (end > 0) this.#data(data.subarray(0, end))
      if (found !== -1) this.#endPart()
    }
    if (found === -1) return data.subarray(end)
    this.#state = 'boundary'
    return data.subarray(found + this.#delimiter.length)
  }

  /** Where a delimiter may begin whose end has not arrived. */
  #possibleStart(data: Buffer): number {
    const from = Math.max(0, data.length - this.#delimiter.length + 1)
    for (let at = data.indexOf(13, from); at !== -1; at = data.indexOf(13, at + 1)) {
      const tail = data.subarray(at)
      if (tail.equals(this.#delimiter.subarray(0, tail.length))) return at
    }
    return data.length
  }

  #boundary(data: Buffer): Buffer {
    if (data.length < 2) return data
    const mark = data.toString('latin1', 0, 2)
    if (mark === '--') this.#state = 'done'
    else if (mark === '\r\n') this.#state = 'headers'
    else throw new MultipartError('malformed boundary')
    return data.subarray(2)
  }

  #headers(data: Buffer): Buffer {
    const end = data.indexOf('\r\n\r\n')
    if (end === -1) return data
    this.#part = partOf(data.toString('utf8', 0, end))
    if (this.#part.fileName !== undefined) this.#sink.fileStart(this.#part.name, this.#part.fileName)
    this.#state = 'body'
    return data.subarray(end + 4)
  }

  #data(chunk: Buffer): void {
    if (this.#part.fileName !== undefined) {
      this.#sink.fileData(chunk)
      return
    }
    this.#textBytes += chunk.length
    if (this.#textBytes > MAX_FIELD_BYTES) throw new MultipartError(`field ${this.#part.name} too large`)
    this.#text.push(Buffer.from(chunk))
  }

  #endPart(): void {
    if (this.#part.fileName === undefined) {
      this.#sink.field(this.#part.name, Buffer.concat(this.#text).toString('utf8'))
      this.#text = []
      this.#textBytes = 0
    } else this.#sink.fileEnd()
  }
}

function partOf(headers: string): Part {
  const disposition = /^content-disposition:(?<value>.*)$/imu.exec(headers)?.groups?.['value'] ?? ''
  const name = /;\s*name="(?<name>[^"]*)"/iu.exec(disposition)?.groups?.['name']
  if (name === undefined) throw new MultipartError('part without a name')
  const fileName = /;\s*filename="(?<file>[^"]*)"/iu.exec(disposition)?.groups?.['file']
  return { name: unescaped(name), fileName: fileName === undefined ? undefined : unescaped(fileName) }
}

/** Browsers and undici escape three characters so (WHATWG, multipart/form-data). */
function unescaped(text: string): string {
  return text.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
}

/** Of a `Content-Type` header. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const groups = /^multipart\/form-data\s*;.*boundary=(?:"(?<quoted>[^"]+)"|(?<plain>[^;\s]+))/iu.exec(
    contentType ?? '',
  )?.groups
  return groups?.['quoted'] ?? groups?.['plain']
}
