/**
 * `upload-memory`: peak memory of `heirloom upload`, while one file of 8 GiB goes to a fake Immich.
 *
 * The file is a movie with a sparse hole for samples. It comes into the library by an ordinary ingest, which copies it,
 * hole and all. The server is a process of its own that hashes what arrives and keeps nothing of it; that its hash is
 * right is checked.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { UploadSummary } from '../src/tasks/upload-api.ts'
import { tinyMovie } from '../test/support/tiny-mp4.ts'
import { startServerProcess } from '../test/support/upload-server.ts'
import type { BenchArgs } from './args.ts'
import { ingest, machine, runNode } from './measure.ts'
import { megabytes, printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, needSpace, removeOutputs, settle } from './workspace.ts'

const FILE_BYTES = 8 * 2 ** 30
const QUICK_BYTES = 256 * 2 ** 20
const TARGET_BYTES = 200e6
const TAKEN_AT = Date.UTC(2021, 6, 4, 20)

const HEIRLOOM = fileURLToPath(new URL('../bin/heirloom.js', import.meta.url))

export async function benchUploadMemory({ quick }: BenchArgs): Promise<void> {
  const sizeBytes = quick ? QUICK_BYTES : FILE_BYTES
  await needSpace(sizeBytes)
  try {
    await measure(sizeBytes)
  } finally {
    await removeOutputs()
  }
}

async function measure(sizeBytes: number): Promise<void> {
  console.log(`one movie of ${(sizeBytes / 2 ** 30).toFixed(2)} GiB; ${machine()}`)
  const source = await freshOutput('upload-memory-source')
  const file = join(source, 'VID_20210704_200000.mp4')
  await writeSparseMovie(file, sizeBytes)
  const library = await freshOutput('upload-memory-library')
  const ingested = await ingest([source, '-o', library, '--metadata', 'sidecar'], { sampleMemory: true })
  settle()
  const server = await startServerProcess({ folder: await freshOutput('upload-memory-server') })
  try {
    process.env['IMMICH_API_KEY'] = server.key
    const args = [HEIRLOOM, 'upload', library, '--json', '--immich-url', server.address]
    const run = await runNode(args, { sampleMemory: true })
    requireSent(JSON.parse(run.stdout) as UploadSummary)
    const { assets } = server.readState()
    const [asset] = [...assets.values()]
    const expected = await sha1OfFile(file)
    if (assets.size !== 1 || asset?.sha1 !== expected || asset.sizeBytes !== sizeBytes)
      throw new Error(`the server has ${assets.size} files, the first ${asset?.sha1} instead of ${expected}`)
    const row = (name: string, { wallMs, memory }: typeof run): string[] => [
      name,
      seconds(wallMs),
      `${((sizeBytes / wallMs) * 1e-3).toFixed(0)} MB/s`,
      memory === undefined ? 'no /proc' : `${megabytes(memory.peakBytes)} ${memory.kind}`,
      String(memory?.processes ?? ''),
      String(memory?.samples ?? ''),
    ]
    printTable(
      ['command', 'time', 'rate', 'peak memory', 'processes at the peak', 'samples'],
      [row('ingest --metadata sidecar', ingested), row('upload', run)],
    )
    const peak = run.memory?.peakBytes
    if (peak === undefined) return
    printVerdict(
      'peak memory of the upload',
      megabytes(peak),
      `under ${megabytes(TARGET_BYTES)}`,
      peak < TARGET_BYTES,
    )
  } finally {
    await server.kill()
  }
}

function requireSent({ exports }: UploadSummary): void {
  const [only] = exports
  if (exports.length !== 1 || only?.created !== 1 || only.left !== 0)
    throw new Error(`the upload says ${JSON.stringify(exports)}`)
}

/** A movie whose second `mdat` is a hole, with the 64-bit size that ISO/IEC 14496-12 has for boxes above 4 GiB. */
async function writeSparseMovie(path: string, sizeBytes: number): Promise<void> {
  const head = tinyMovie({ createdAt: TAKEN_AT })
  const box = Buffer.alloc(16)
  box.writeUInt32BE(1)
  box.write('mdat', 4, 'latin1')
  box.writeBigUInt64BE(BigInt(sizeBytes - head.length), 8)
  const file = await open(path, 'wx')
  try {
    await file.write(Buffer.concat([head, box]))
    await file.truncate(sizeBytes)
  } finally {
    await file.close()
  }
  if ((await stat(path)).size !== sizeBytes) throw new Error(`${path} is not of ${sizeBytes} bytes`)
}

async function sha1OfFile(path: string): Promise<string> {
  const hash = createHash('sha1')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return hash.digest('hex')
}
