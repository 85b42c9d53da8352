/**
 * Real encoded clips: what ffmpeg decodes is the same before and after. Needs ffmpeg, which the product does not.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { MetadataPatch } from '../metadata.ts'
import { type SplicePlan, sliceParts } from '../splice-parts.ts'
import { spliceMovieFile } from './movie-file.ts'
import { planMovieSplice } from './movie-splice.ts'

const run = promisify(execFile)

const PATCH: MetadataPatch = {
  taken: { local: '2014-05-01T12:30:00', at: Date.UTC(2014, 4, 1, 10, 30), offsetMinutes: 120 },
  position: { latitude: -33.8568, longitude: 151.2153 },
  caption: 'Grüße',
  people: ['Zoë'],
}

const CLIPS: readonly [file: string, args: readonly string[]][] = [
  ['last.mp4', []],
  ['first.mp4', ['-movflags', '+faststart']],
  ['padded.mp4', ['-moov_size', '20000']],
  ['last.mov', []],
  ['first.mov', ['-movflags', '+faststart']],
  ['last.3gp', ['-s', '176x144', '-c:v', 'mpeg4', '-c:a', 'aac']],
]

const hasFfmpeg: boolean = await run('ffmpeg', ['-version']).then(
  () => true,
  () => false,
)

async function makeClip(file: string, args: readonly string[]): Promise<Buffer> {
  const sources = ['-f', 'lavfi', '-i', 'testsrc=d=1:s=96x64:r=10', '-f', 'lavfi', '-i', 'sine=d=1']
  await run('ffmpeg', ['-v', 'error', '-y', ...sources, ...args, file])
  return readFile(file)
}

/** A line for each decoded frame of each stream: time, length, MD5. */
async function framesOf(file: string): Promise<string[]> {
  const { stdout, stderr } = await run('ffmpeg', [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0',
    '-f',
    'framemd5',
    '-',
  ])
  assert.equal(stderr, '')
  return stdout.split('\n').filter((line) => !line.startsWith('#'))
}

function planOf(source: Buffer): Promise<SplicePlan> {
  const read = async (offset: number, lengthBytes: number): Promise<Buffer> =>
    source.subarray(offset, offset + lengthBytes)
  return planMovieSplice(read, source.length, PATCH, { mayMoveMedia: true })
}

describe('encoded clips', { skip: !hasFfmpeg && 'no ffmpeg on the PATH' }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-clip-'))
  after(() => rm(folder, { recursive: true, force: true }))

  for (const [name, args] of CLIPS) {
    test(`${name} shows and sounds as before`, async () => {
      const file = join(folder, name)
      const source = await makeClip(file, args)
      const plan = await planOf(source)
      assert.equal(plan.kind, 'splice', plan.kind === 'handover' ? plan.reason : '')
      if (plan.kind !== 'splice') return
      const result = Buffer.concat(sliceParts(source, plan.parts))
      await writeFile(join(folder, `after-${name}`), result)
      const frames = await framesOf(file)
      assert.ok(frames.length > 15)
      assert.deepEqual(await framesOf(join(folder, `after-${name}`)), frames)
      const { stdout } = await run('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'format_tags',
        join(folder, `after-${name}`),
      ])
      assert.match(stdout, /creation_time=2014-05-01T10:30:00/u)
      assert.match(stdout, /location\S*=-33.8568\+151.2153\//u)
      assert.equal((await planOf(result)).kind, 'unchanged')
    })
  }

  test('a header with room is written in place', async () => {
    const file = join(folder, 'in-place.mp4')
    await makeClip(file, ['-moov_size', '20000'])
    const frames = await framesOf(file)
    assert.equal((await spliceMovieFile(file, PATCH)).kind, 'splice')
    assert.deepEqual(await framesOf(file), frames)
  })

  test('fragments are handed over', async () => {
    const source = await makeClip(join(folder, 'fragments.mp4'), ['-movflags', 'frag_keyframe+empty_moov'])
    assert.equal((await planOf(source)).kind, 'handover')
  })
})
