/**
 * What a bucket holds, and what it answers to a request.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { S3Body } from './s3-body.ts'
import type { Operation } from './s3-faults.ts'

const MIN_PART_BYTES = 5 * 1024 * 1024

export interface S3Request {
  readonly method: string
  readonly operation: Operation
  readonly bucket: string
  readonly key: string
  readonly partNumber: number
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
}

export interface Reply {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body?: Buffer
}

export interface StoredBytes {
  readonly bytes: Buffer
  readonly sizeBytes: number
  readonly etag: string
  readonly contentType: string
  readonly modifiedAt: Date
}

interface Upload {
  readonly key: string
  readonly contentType: string
  readonly parts: Map<number, StoredBytes>
}

export class S3State {
  readonly objects: Map<string, StoredBytes> = new Map()
  /** Begun and neither completed nor abandoned, by id. */
  readonly uploads: Map<string, Upload> = new Map()
  readonly forgetsBytes: boolean
  /** As some servers do with `If-Match`. */
  ignoresConditions = false
  readonly #bucket: string
  readonly #pageSize: number
  #begun = 0

  constructor(options: {
    readonly bucket: string
    readonly pageSize: number
    readonly forgetBytes: boolean
  }) {
    this.#bucket = options.bucket
    this.#pageSize = options.pageSize
    this.forgetsBytes = options.forgetBytes
  }

  /** @throws {@link S3Refusal} */
  answer(asked: S3Request, body: S3Body): Reply {
    const announced = asked.headers['x-amz-content-sha256']
    if (announced !== 'UNSIGNED-PAYLOAD' && announced !== undefined && announced !== body.sha256) {
      throw new S3Refusal(400, 'XAmzContentSHA256Mismatch')
    }
    if (asked.bucket !== this.#bucket) throw new S3Refusal(404, 'NoSuchBucket')
    const answers: Record<Operation, (asked: S3Request, body: S3Body) => Reply> = {
      PutObject: this.#put,
      CreateMultipartUpload: this.#begin,
      UploadPart: this.#part,
      CompleteMultipartUpload: this.#complete,
      AbortMultipartUpload: this.#abandon,
      HeadObject: this.#get,
      GetObject: this.#get,
      DeleteObjects: this.#remove,
      ListObjects: this.#list,
    }
    return answers[asked.operation].call(this, asked, body)
  }

  #stored(asked: S3Request, body: S3Body): StoredBytes {
    return {
      bytes: this.forgetsBytes ? Buffer.alloc(0) : body.bytes,
      sizeBytes: body.sizeBytes,
      etag: `"${body.sha256.slice(0, 32)}"`,
      contentType: asked.headers['content-type'] ?? '',
      modifiedAt: new Date(),
    }
  }

  #put(asked: S3Request, body: S3Body): Reply {
    const stored = this.#stored(asked, body)
    this.objects.set(asked.key, stored)
    return { status: 200, headers: { etag: stored.etag } }
  }

  #begin(asked: S3Request): Reply {
    this.#begun += 1
    const id = `upload-${this.#begun}`
    this.uploads.set(id, {
      key: asked.key,
      contentType: asked.headers['content-type'] ?? '',
      parts: new Map(),
    })
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }

  #upload(asked: S3Request): Upload {
    const upload = this.uploads.get(asked.query.get('uploadId') ?? '')
    if (upload?.key !== asked.key) throw new S3Refusal(404, 'NoSuchUpload')
    return upload
  }

  #part(asked: S3Request, body: S3Body): Reply {
    const stored = this.#stored(asked, body)
    this.#upload(asked).parts.set(asked.partNumber, stored)
    return { status: 200, headers: { etag: stored.etag } }
  }

  #complete(asked: S3Request, body: S3Body): Reply {
    const upload = this.#upload(asked)
    const named = [...body.bytes.toString().matchAll(/<Part>(?<part>.*?)<\/Part>/gsu)].map(({ groups }) => {
      const part = groups?.['part'] ?? ''
      return { number: Number(textOf(part, 'PartNumber')), etag: textOf(part, 'ETag') }
    })
    const parts = named.map(({ number, etag }, index) => {
      const part = upload.parts.get(number)
      if (part === undefined || part.etag !== etag) throw new S3Refusal(400, 'InvalidPart')
      if (number <= (named[index - 1]?.number ?? 0)) throw new S3Refusal(400, 'InvalidPartOrder')
      if (index < named.length - 1 && part.sizeBytes < MIN_PART_BYTES)
        throw new S3Refusal(400, 'EntityTooSmall')
      return part
    })
    if (parts.length === 0) throw new S3Refusal(400, 'MalformedXML')
    const etags = createHash('md5')
    for (const { etag } of parts) etags.update(etag)
    this.objects.set(asked.key, {
      bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
      sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      etag: `"${etags.digest('hex')}-${parts.length}"`,
      contentType: upload.contentType,
      modifiedAt: new Date(),
    })
    this.uploads.delete(asked.query.get('uploadId') ?? '')
    return xml('<CompleteMultipartUploadResult><Key>x</Key></CompleteMultipartUploadResult>')
  }

  #abandon(asked: S3Request): Reply {
    this.#upload(asked)
    this.uploads.delete(asked.query.get('uploadId') ?? '')
    return { status: 204, headers: {} }
  }

  #get(asked: S3Request): Reply {
    const found = this.objects.get(asked.key)
    if (found === undefined) throw new S3Refusal(404, 'NoSuchKey')
    const tag = asked.headers['if-match']
    if (!this.ignoresConditions && tag !== undefined && tag !== found.etag)
      throw new S3Refusal(412, 'PreconditionFailed')
    const headers = {
      etag: found.etag,
      'content-type': found.contentType,
      'last-modified': found.modifiedAt.toUTCString(),
    }
    const range = /^bytes=(?<first>\d+)-(?<last>\d*)$/u.exec(asked.headers['range'] ?? '')?.groups
    if (range === undefined) {
      return {
        status: 200,
        headers: { ...headers, 'content-length': String(found.sizeBytes) },
        body: found.bytes,
      }
    }
    const first = Number(range['first'])
    const last = Math.min(range['last'] === '' ? Infinity : Number(range['last']), found.sizeBytes - 1)
    if (first >= found.sizeBytes) throw new S3Refusal(416, 'InvalidRange')
    return {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${first}-${last}/${found.sizeBytes}` },
      body: found.bytes.subarray(first, last + 1),
    }
  }

  #remove(asked: S3Request, body: S3Body): Reply {
    const md5 = createHash('md5').update(body.bytes).digest('base64')
    if (asked.headers['content-md5'] !== md5) throw new S3Refusal(400, 'MissingContentMD5')
    const keys = [...body.bytes.toString().matchAll(/<Key>(?<key>[^<]*)<\/Key>/gu)]
    if (keys.length > 1000) throw new S3Refusal(400, 'MalformedXML')
    const locked = keys
      .map(({ groups }) => plain(groups?.['key'] ?? ''))
      .filter((key) => !this.#removeOne(key))
    const errors = locked.map((key) => `<Error><Key>${escaped(key)}</Key><Code>AccessDenied</Code></Error>`)
    return xml(`<DeleteResult>${errors.join('')}</DeleteResult>`)
  }

  /** False for what is locked: names with `locked` in them. */
  #removeOne(key: string): boolean {
    if (key.includes('locked')) return false
    this.objects.delete(key)
    return true
  }

  #list(asked: S3Request): Reply {
    const prefix = asked.query.get('prefix') ?? ''
    const after = asked.query.get('continuation-token') ?? ''
    const maxKeys = Math.min(this.#pageSize, Number(asked.query.get('max-keys') ?? this.#pageSize))
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = keys.slice(0, maxKeys)
    const contents = page.map((key) => {
      const { sizeBytes = 0, modifiedAt = new Date() } = this.objects.get(key) ?? {}
      const fields = `<Size>${sizeBytes}</Size><LastModified>${modifiedAt.toISOString()}</LastModified>`
      return `<Contents><Key>${escaped(key)}</Key>${fields}</Contents>`
    })
    const next =
      page.length < keys.length
        ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>`
        : ''
    const truncated = `<IsTruncated>${String(next !== '')}</IsTruncated>`
    return xml(`<ListBucketResult>${truncated}${next}${contents.join('')}</ListBucketResult>`)
  }
}

/** An error answer of S3. */
export class S3Refusal extends Error {
  readonly #status: number
  readonly #code: string

  constructor(status: number, code: string) {
    super(code)
    this.#status = status
    this.#code = code
  }

  /** With what Amazon repeats of a signed request, which is to get into no message of ours. */
  reply(): Reply {
    const secret = '<AWSAccessKeyId>fake-key-id</AWSAccessKeyId><StringToSign>fake-secret</StringToSign>'
    const text = `<Error><Code>${this.#code}</Code><Message>told by fake-secret</Message>${secret}</Error>`
    return { ...xml(text), status: this.#status }
  }
}

function xml(text: string): Reply {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`)
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

function textOf(part: string, tag: string): string {
  return plain(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'u').exec(part)?.[1] ?? '')
}

const ENTITIES: readonly (readonly [entity: string, character: string])[] = [
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
  ['&amp;', '&'],
]

function plain(text: string): string {
  return ENTITIES.reduce((done, [entity, character]) => done.replaceAll(entity, character), text)
}

function escaped(text: string): string {
  return ENTITIES.reduceRight((done, [entity, character]) => done.replaceAll(character, entity), text)
}
