/**
 * The programs that help to make thumbnails: exiftool for the previews in raw files, ffmpeg for frames of videos.
 *
 * Each is looked for when the first file needs it. exiftool is kept open. It tells first how large each preview is,
 * and is then asked for one: a small hostile file can name a thousand, each as large as itself.
 *
 * @module
 */

import { execFile } from 'node:child_process'
import { ExiftoolProcess } from '../media/exiftool/exiftool-process.ts'

/** Longer than any raw file takes; the task's own limit is what a person sets. */
const PREVIEW_TIMEOUT_MS = 20_000

/** A program that does not answer with its version in this time would not work either. */
const VERSION_TIMEOUT_MS = 10_000

/** By what cameras and exiftool call them, behind exiftool's group; a file has one to three. Nothing else is asked for. */
const PREVIEW_TAG = /^\w[\w-]*:(?:JpgFromRaw2?|PreviewImage|OtherImage|ThumbnailImage)$/u

/** exiftool reads all of them when one is asked for, as often as they are named: this is its memory. */
const MAX_ALL_BYTES = 128 * 1024 * 1024

/** As base64 it fits into what exiftool may answer. */
const MAX_PREVIEW_BYTES = 23 * 1024 * 1024

export class PictureTools {
  #exiftool: ExiftoolProcess | undefined
  #ffmpeg: Promise<string | undefined> | undefined

  /** The largest JPEG that a raw file holds; undefined when it holds none. */
  readonly preview = async (path: string): Promise<Buffer | undefined> => {
    // By their group: what is asked for by name is read at once, sixty times 200 MB of a file that says so.
    const tag = largestTag(await this.#ask(['-a', '-Preview:All'], path))
    if (tag === undefined) return undefined
    const [value] = valuesOf(await this.#ask(['-b', `-${tag}`], path)).map(([, text]) => text)
    return value?.startsWith(BASE64) === true ? Buffer.from(value.slice(BASE64.length), 'base64') : undefined
  }

  async #ask(args: readonly string[], path: string): Promise<string> {
    this.#exiftool ??= new ExiftoolProcess()
    return (await this.#exiftool.run(['-json', '-G1', '-fast', ...args, path], PREVIEW_TIMEOUT_MS)).stdout
  }

  /** How to call ffmpeg; undefined when it is not there. */
  findFfmpeg(): Promise<string | undefined> {
    this.#ffmpeg ??= new Promise((resolve) => {
      execFile('ffmpeg', ['-version'], { timeout: VERSION_TIMEOUT_MS }, (error) =>
        resolve(error === null ? 'ffmpeg' : undefined),
      )
    })
    return this.#ffmpeg
  }

  async close(): Promise<void> {
    await this.#exiftool?.close()
  }
}

/** What exiftool puts before bytes in JSON. */
const BASE64 = 'base64:'

/** By exiftool's group and name: `IFD1:ThumbnailImage`. Undefined for none, or too many. */
function largestTag(answer: string): string | undefined {
  // In the text, since of two of one name the parsed answer has one.
  const allBytes = sizesIn(answer).reduce((sum, sizeBytes) => sum + sizeBytes, 0)
  if (allBytes > MAX_ALL_BYTES) return undefined
  const usable = valuesOf(answer).flatMap(([tag, text]) => {
    const [sizeBytes = 0] = sizesIn(text)
    const isUsable = PREVIEW_TAG.test(tag) && sizeBytes > 0 && sizeBytes <= MAX_PREVIEW_BYTES
    return isUsable ? [{ tag, sizeBytes }] : []
  })
  return usable.toSorted((one, other) => other.sizeBytes - one.sizeBytes)[0]?.tag
}

function sizesIn(text: string): number[] {
  return [...text.matchAll(/\(Binary data (?<bytes>\d+) bytes/gu)].map(({ groups }) =>
    Number(groups?.['bytes']),
  )
}

/** Tags and their texts; none when exiftool could not make anything of the file. */
function valuesOf(answer: string): readonly (readonly [tag: string, text: string])[] {
  if (answer.trim() === '') return []
  const [found] = JSON.parse(answer) as readonly Record<string, unknown>[]
  return Object.entries(found ?? {}).filter(
    (entry): entry is [string, string] => entry[0] !== 'SourceFile' && typeof entry[1] === 'string',
  )
}
