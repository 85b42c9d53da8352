/**
 * Takes one frame of a video by ffmpeg, when there is one on the machine.
 *
 * The frame is looked for some way into the video, because the first is often black; a frame that is nearly black is
 * kept only when no other is found. ffmpeg turns it upright. It runs as a program of its own, without a shell, may open
 * plain files only (playlists name others), and ends with the signal. HDR is not mapped: its frames look pale.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isWritableMovie } from '../isobmff/movie-file.ts'
import { readMovieHeader } from '../isobmff/movie-header.ts'
import {
  checkPixels,
  DamagedPictureError,
  MissingDecoderError,
  PictureTooLargeError,
  reasonOf,
} from './errors.ts'
import { type DecodedPicture, type DecodeRequest, fitPixels, type Pixels } from './pixels.ts'
import { loadSharp } from './sharp-library.ts'
import { shrinkToRgba } from './thumbhash.ts'
import type { ThumbnailSource } from './thumbnail.ts'

/** 8K has 33 megapixels; a frame lies in memory with three bytes a pixel. */
const MAX_FRAME_PIXELS = 50_000_000

/** ffmpeg counts what it adds to rows and columns; the exact limit is checked on what comes out. */
const PADDING_PIXELS = 1_000_000

/** Seconds of processor time after which ffmpeg ends itself, if nobody is left to end it. */
const CPU_LIMIT_SECONDS = 30

/** What ffmpeg calls the containers that `formats.ts` knows. Others (playlists, pictures, devices) are not tried. */
const DEMUXERS = 'mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts,mpeg,mpegvideo,asf,flv,ogg'

export async function decodeVideo(
  source: ThumbnailSource,
  request: DecodeRequest,
  ffmpeg: string | undefined,
): Promise<DecodedPicture> {
  if (ffmpeg === undefined) throw new MissingDecoderError('videos', 'Install ffmpeg and run again.')
  const maxPixels = Math.min(request.maxPixels, MAX_FRAME_PIXELS)
  const positions = await positionsOf(source)
  let best: { readonly frame: Pixels; readonly brightness: number } | undefined
  for (const seconds of positions) {
    const frame = await takeFrame(ffmpeg, { path: source.path, seconds, maxPixels, signal: request.signal })
    if (frame === undefined) continue
    const brightness = brightnessOf(frame)
    if (best === undefined || brightness > best.brightness) best = { frame, brightness }
    if (brightness >= DARK_BELOW) break
  }
  if (best === undefined) throw new DamagedPictureError('ffmpeg found no frame in the video')
  const { widthPx, heightPx } = best.frame
  const pixels = await fitPixels(await loadSharp(), best.frame, request)
  return { pixels, widthPx, heightPx, damaged: false }
}

/** Seconds at which to look, the best first. The last is the start, which every video has. */
async function positionsOf({ path, format }: ThumbnailSource): Promise<readonly number[]> {
  const durationMs = isWritableMovie(format.id) ? await durationOf(path) : undefined
  if (durationMs === undefined) return [3, 20, 0]
  return [0.1, 0.4, 0].map((share) => Math.min(share * (durationMs / 1000), 600))
}

async function durationOf(path: string): Promise<number | undefined> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const { durationMs } = await readMovieHeader(async (offset, lengthBytes) => {
      const bytes = Buffer.alloc(Math.min(lengthBytes, Math.max(0, size - offset)))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, offset)
      return bytes.subarray(0, bytesRead)
    }, size)
    return durationMs
  } finally {
    await file.close()
  }
}

/** Mean of 0 to 255; a night scene has about 25. */
const DARK_BELOW = 12

function brightnessOf(frame: Pixels): number {
  const { rgba } = shrinkToRgba(frame, 32)
  let sum = 0
  for (let at = 0; at < rgba.length; at += 4)
    sum += (rgba[at] ?? 0) + (rgba[at + 1] ?? 0) + (rgba[at + 2] ?? 0)
  return sum / (rgba.length * 0.75)
}

interface FrameRequest {
  readonly path: string
  readonly seconds: number
  readonly maxPixels: number
  readonly signal: AbortSignal | undefined
}

/** Undefined when there is no frame at that position, or none that could be decoded. */
async function takeFrame(ffmpeg: string, request: FrameRequest): Promise<Pixels | undefined> {
  const { bytes, stderr } = await run(ffmpeg, frameArguments(request), request)
  const picture = parsePpm(bytes)
  if (picture !== undefined) checkPixels(picture.widthPx, picture.heightPx, request.maxPixels)
  else refuseTooLarge(stderr, request.maxPixels)
  return picture
}

function frameArguments({ path, seconds, maxPixels }: FrameRequest): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-timelimit', String(CPU_LIMIT_SECONDS)],
    ...['-protocol_whitelist', 'file', '-format_whitelist', DEMUXERS],
    ...['-max_pixels', String(maxPixels + PADDING_PIXELS), '-threads', '1'],
    // From the key frame before: nobody minds which of two frames it is, and those between are not decoded.
    ...(seconds > 0 ? ['-noaccurate_seek', '-ss', seconds.toFixed(3)] : []),
    ...['-i', `file:${resolve(path)}`, '-map', '0:V:0', '-frames:v', '1', '-an', '-sn', '-dn'],
    // Pixels of old camcorders are not square.
    ...['-vf', 'scale=trunc(iw*sar/2+0.5)*2:ih,setsar=1', '-pix_fmt', 'rgb24'],
    ...['-f', 'image2pipe', '-c:v', 'ppm', 'pipe:1'],
  ]
}

/** ffmpeg says `Picture size 20000x20000 is invalid` or `… exceeds specified max pixel count`. */
function refuseTooLarge(stderr: string, maxPixels: number): void {
  const size = /size (?<width>\d+)x(?<height>\d+) (?:is invalid|exceeds)/u.exec(stderr)?.groups
  const [widthPx, heightPx] = [Number(size?.['width']), Number(size?.['height'])]
  if (widthPx * heightPx > maxPixels) throw new PictureTooLargeError(widthPx, heightPx, maxPixels)
}

const MAX_STDERR = 4096

interface Output {
  readonly bytes: Buffer
  readonly stderr: string
}

/** Collects what ffmpeg writes, whatever its exit code: a damaged video may still give a frame. */
async function run(ffmpeg: string, args: readonly string[], request: FrameRequest): Promise<Output> {
  const { signal } = request
  const maxBytes = (request.maxPixels + PADDING_PIXELS) * 3 + PPM_HEADER_BYTES
  signal?.throwIfAborted()
  const child = spawn(ffmpeg, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    windowsHide: true,
    ...(signal && { signal }),
  })
  const chunks: Buffer[] = []
  let [sizeBytes, stderr] = [0, '']
  child.stdout.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) child.kill('SIGKILL')
    else chunks.push(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < MAX_STDERR) stderr += chunk.toString('utf8')
  })
  await new Promise<void>((done, failed) => {
    child.once('close', () => done())
    child.once('error', (error) =>
      failed(signal?.aborted === true ? signal.reason : notStarted(ffmpeg, error)),
    )
  })
  signal?.throwIfAborted()
  return { bytes: Buffer.concat(chunks), stderr }
}

function notStarted(ffmpeg: string, cause: Error): MissingDecoderError {
  return new MissingDecoderError('videos', `Look at ${ffmpeg}: ${reasonOf(cause)}.`, { cause })
}

const PPM_HEADER_BYTES = 64

/** `P6`, width, height, 255, and three bytes a pixel. Undefined for nothing or a part. */
function parsePpm(bytes: Buffer): Pixels | undefined {
  const header = bytes.toString('latin1', 0, PPM_HEADER_BYTES)
  const match = /^P6\s(?<width>\d+)\s(?<height>\d+)\s255\s/u.exec(header)
  if (match === null) return undefined
  const [widthPx, heightPx] = [Number(match.groups?.['width']), Number(match.groups?.['height'])]
  const data = bytes.subarray(match[0].length)
  return data.length < widthPx * heightPx * 3
    ? undefined
    : { data: data.subarray(0, widthPx * heightPx * 3), widthPx, heightPx, channels: 3 }
}
