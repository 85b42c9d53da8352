/**
 * `upload-crash`: an upload of 1,000 files whose client is killed ten times, and whose server five times.
 *
 * `test/crash/upload-crash.test.ts` in full size, and as strict: it throws unless every file is on the server once,
 * albums and stacks are exact, the catalog never said more than was true, and the last summary is right. A second
 * upload then has to send nothing.
 *
 * @module
 */

import { fileURLToPath } from 'node:url'
import { makeTakeout } from '../test/support/make-takeout.ts'
import { expectedContent } from '../test/support/server-content.ts'
import { planDeaths, uploadAmongDeaths } from '../test/support/upload-kills.ts'
import { startServerProcess } from '../test/support/upload-server.ts'
import type { BenchArgs } from './args.ts'
import { ingest, machine, runNode } from './measure.ts'
import { printTable, printVerdict, seconds } from './print.ts'
import { freshOutput, keptInput, needSpace, removeOutputs } from './workspace.ts'

const FILES = 1_000
const QUICK_FILES = 100
const KILLS = { client: 10, server: 5 }
/** Of one file, on the disk; far too much. */
const FILE_BYTES = 100_000
/** What the sample has besides its ordinary photos: videos, edited ones, live and motion photos. */
const SPECIAL_FILES = 24

const HEIRLOOM = fileURLToPath(new URL('../bin/heirloom.js', import.meta.url))

export async function benchUploadCrash({ quick, items }: BenchArgs): Promise<void> {
  const photos = (items?.[0] ?? (quick ? QUICK_FILES : FILES)) - SPECIAL_FILES
  await needSpace(photos * FILE_BYTES)
  const input = await keptInput('upload-crash', { photos }, photos * FILE_BYTES, async (folder) => {
    await makeTakeout(folder, { photos })
    return { photos }
  })
  try {
    const library = await freshOutput('upload-crash-library')
    await ingest([input.folder, '-o', library])
    await measure(library)
  } finally {
    await removeOutputs()
  }
}

async function measure(library: string): Promise<void> {
  const server = await startServerProcess({
    folder: await freshOutput('upload-crash-server'),
    faults: [
      // As of a server that has something to do, so that deaths find files on their way.
      { route: 'POST /assets', kind: 'latency', ms: 10, jitterMs: 20 },
      { route: 'PUT /albums/*', kind: 'latency', ms: 60 },
      { route: 'POST /stacks', kind: 'latency', ms: 60 },
    ],
  })
  try {
    const deaths = planDeaths(expectedContent(library).files.length, KILLS, Math.random)
    const figures = await uploadAmongDeaths({ library, server, deaths, where: 'upload-crash' })
    const { files, albums, sentAfter, uploadCalls, sentInVain } = figures
    console.log(`${files} files, ${albums} albums; ${machine()}`)
    printTable(
      ['death of the', 'at the call', 'of', 'files on the server'],
      deaths.map(({ victim, route, calls }, index) => {
        return [victim, String(calls), route, String(sentAfter[index])]
      }),
    )
    const resent = uploadCalls - files
    console.log(`${uploadCalls} uploads begun: ${resent} again after a death, ${sentInVain} in vain`)
    const before = server.requests().length
    process.env['IMMICH_API_KEY'] = server.key
    await runNode([HEIRLOOM, 'upload', library, '--json', '--immich-url', server.address])
    const again = server.requests().slice(before)
    if (again.some((line) => !line.startsWith('GET ')))
      throw new Error(`a second run asked ${again.join(', ')}`)
    printVerdict(
      `${figures.clientDeaths} deaths of the client, ${figures.serverDeaths} of the server, ${seconds(figures.durationMs)}`,
      'every file once, albums and stacks exact, nothing reported wrongly',
      'just that',
      true,
    )
  } finally {
    await server.kill()
  }
}
