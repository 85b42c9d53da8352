/** Frames of clips that ffmpeg made, by the ffmpeg of this machine. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import {
  colorDistance,
  quadrants,
  quartersOf,
  TURNED,
  UPRIGHT,
} from '../../../test/fixtures/images/quadrants.ts'
import { toErrorRecord } from '../../errors.ts'
import { formatById } from '../formats.ts'
import { identify } from '../identify.ts'
import { renderThumbnails, type ThumbnailServices } from './render.ts'
import { DEFAULT_THUMBNAIL_OPTIONS, type RenderedThumbnails } from './thumbnail.ts'

const exec = promisify(execFile)
const ffmpeg = await exec('ffmpeg', ['-version']).then(
  () => 'ffmpeg',
  () => undefined,
)

const folder = await mkdtemp(join(tmpdir(), 'heirloom-video-'))
after(() => rm(folder, { recursive: true, force: true }))

const LIMITS = { maxPixels: 20_000_000 }

async function code(rendering: Promise<unknown>): Promise<string> {
  return await rendering.then(
    () => 'rendered',
    (error: unknown) => toErrorRecord(error).code,
  )
}

async function distance(
  rendered: RenderedThumbnails,
  wanted: Parameters<typeof colorDistance>[1],
): Promise<number> {
  return colorDistance(await quartersOf(rendered.thumbnails[0]?.bytes ?? new Uint8Array()), wanted)
}

describe('video', { skip: ffmpeg === undefined && 'no ffmpeg on the PATH' }, () => {
  const tool: Partial<ThumbnailServices> = ffmpeg === undefined ? {} : { ffmpeg }
  const bare = (name: string): string => join(folder, name)

  /** By extension and arguments: ffmpeg makes each once. */
  const made = new Map<string, string>()

  async function clip(name: string, ...args: readonly string[]): Promise<string> {
    const key = [extname(name), ...args].join(' ')
    const original = made.get(key) ?? `original-${made.size}${extname(name)}`
    if (!made.has(key)) await encode(original, args)
    made.set(key, original)
    await copyFile(bare(original), bare(name))
    return bare(name)
  }

  async function encode(name: string, args: readonly string[]): Promise<void> {
    const picture = bare('frame.png')
    await writeFile(picture, await quadrants({ widthPx: 128, heightPx: 96 }).png().toBuffer())
    await exec('ffmpeg', [
      '-v',
      'error',
      '-y',
      '-loop',
      '1',
      '-i',
      picture,
      '-t',
      '2',
      '-r',
      '10',
      ...args,
      bare(name),
    ])
  }

  async function renderFile(
    path: string,
    services: Partial<ThumbnailServices> = tool,
  ): Promise<RenderedThumbnails> {
    const format = identify((await readFile(path)).subarray(0, 4096), path)
    assert.ok(format, 'no format')
    const options = { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [64] }
    return await renderThumbnails({ path, format }, options, { limits: LIMITS, ...services })
  }

  const MPEG4 = ['-c:v', 'mpeg4', '-q:v', '2', '-pix_fmt', 'yuv420p']

  for (const name of ['plain.mp4', 'plain.mov', 'plain.mkv', 'plain.avi', '-y.mp4', "it's; rm $(x) %d.mp4"]) {
    test(`a frame of ${name}`, async () => {
      const rendered = await renderFile(await clip(name, ...MPEG4))
      assert.deepEqual([rendered.widthPx, rendered.heightPx], [128, 96])
      assert.ok((await distance(rendered, UPRIGHT)) <= 20)
    })
  }

  test('is not black when the video begins so, and is when there is nothing else', async () => {
    const beginning = await clip(
      'beginning.mp4',
      ...MPEG4,
      '-g',
      '1',
      '-vf',
      "drawbox=c=black:t=fill:enable='lt(t,0.5)'",
    )
    assert.ok((await distance(await renderFile(beginning), UPRIGHT)) <= 20)
    const black = await clip('black.mp4', ...MPEG4, '-vf', 'lutrgb=r=0:g=0:b=0')
    assert.ok(
      (await quartersOf((await renderFile(black)).thumbnails[0]?.bytes ?? new Uint8Array()))[0][0] < 10,
    )
  })

  test('is turned as the video says, and has square pixels', async () => {
    const path = await clip('turned.mp4', ...MPEG4)
    // The matrix in the track's header as phones write it that are held upright: x' = 96 - y, y' = x.
    const movie = await readFile(path)
    const matrix = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 96 * 0x1_0000, 0, 0x4000_0000]
    for (const [index, value] of matrix.entries())
      movie.writeInt32BE(value, movie.indexOf('tkhd') + 44 + index * 4)
    await writeFile(path, movie)
    const rendered = await renderFile(path)
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [96, 128])
    assert.ok((await distance(rendered, TURNED)) <= 20)
    const anamorphic = await clip('wide.mp4', ...MPEG4, '-vf', 'setsar=2')
    assert.deepEqual((await renderFile(anamorphic)).widthPx, 256)
  })

  test('limits, missing and broken programs, and a signal', async () => {
    const path = await clip('limits.mp4', ...MPEG4)
    assert.equal(await code(renderFile(path, {})), 'thumbnail/missing-decoder')
    assert.equal(await code(renderFile(path, { ffmpeg: bare('nothing') })), 'thumbnail/missing-decoder')
    assert.equal(await code(renderFile(path, { ...tool, limits: { maxPixels: 128 * 96 } })), 'rendered')
    const tooLarge = renderFile(path, { ...tool, limits: { maxPixels: 128 * 96 - 1 } })
    assert.equal(await code(tooLarge), 'thumbnail/too-large')
    const hanging = bare('hang.sh')
    await writeFile(hanging, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 })
    const aborting = new AbortController()
    const rendering = renderFile(path, { ffmpeg: hanging, signal: aborting.signal })
    setImmediate(() => aborting.abort(new Error('enough')))
    await assert.rejects(rendering, /enough/u)
  })

  test('a playlist that names another file is not followed', async () => {
    const secret = await clip('secret.mp4', ...MPEG4)
    const playlist = bare('list.mp4')
    await writeFile(playlist, `ffconcat version 1.0\nfile '${secret}'\n`)
    const source = { path: playlist, format: formatById('mp4') ?? assert.fail() }
    const rendering = renderThumbnails(source, DEFAULT_THUMBNAIL_OPTIONS, { limits: LIMITS, ...tool })
    assert.equal(await code(rendering), 'thumbnail/damaged')
  })
})
