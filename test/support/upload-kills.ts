/**
 * An upload whose client and whose server are killed, again and again, at moments that are told by what was sent.
 *
 * After each death of the client its catalog is held against the server: it may know less, never more. At the end
 * every file is on the server once, albums and stacks are exact, and the last summary says so too.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { UploadSummary } from '../../src/tasks/upload-api.ts'
import { type HeirloomRun, type RunningHeirloom, runHeirloom, startHeirloom, until } from './run-heirloom.ts'
import { assertUploaded, expectedContent } from './server-content.ts'
import type { KeptState, ServerProcess } from './upload-server.ts'

export type Victim = 'client' | 'server'

/** Dies when so many calls of the route have begun since the last death. */
export interface Death {
  readonly victim: Victim
  readonly route: 'POST /assets' | 'PUT /albums' | 'POST /stacks'
  readonly calls: number
}

export interface KilledUpload {
  readonly library: string
  readonly server: ServerProcess
  readonly deaths: readonly Death[]
  /** Told when something fails. */
  readonly where: string
}

export interface KilledUploadFigures {
  readonly files: number
  readonly albums: number
  readonly clientDeaths: number
  readonly serverDeaths: number
  /** Files on the server after each death. */
  readonly sentAfter: readonly number[]
  /** `POST /assets` that began, those included that were cut by a death. */
  readonly uploadCalls: number
  /** Bodies that came whole for a file that the server had already. */
  readonly sentInVain: number
  readonly durationMs: number
}

/**
 * `kills` deaths of clients and servers among the files, then one of each while albums are filled, and of the client
 * while stacks are made: so at least three of the client and one of the server.
 *
 * @param random - Numbers from 0 to 1.
 */
export function planDeaths(
  files: number,
  kills: Readonly<Record<Victim, number>>,
  random: () => number,
): Death[] {
  const among: Victim[] = []
  const left = { client: kills.client - 2, server: kills.server - 1 }
  // Evenly mixed: whoever has the greater part of its deaths before it is next.
  while (left.client + left.server > 0) {
    const victim = left.client / kills.client >= left.server / kills.server ? 'client' : 'server'
    left[victim] -= 1
    among.push(victim)
  }
  // Nine tenths of the files at most, so that none of them comes too late.
  const share = (0.9 * files) / among.length
  return [
    ...among.map((victim): Death => {
      return { victim, route: 'POST /assets', calls: Math.ceil(share * (0.4 + 0.6 * random())) }
    }),
    { victim: 'server', route: 'PUT /albums', calls: 1 },
    { victim: 'client', route: 'PUT /albums', calls: 1 },
    { victim: 'client', route: 'POST /stacks', calls: 1 },
  ]
}

/** Lets all of them die, then one client live to its end. */
export async function uploadAmongDeaths(upload: KilledUpload): Promise<KilledUploadFigures> {
  const startedAt = performance.now()
  const { library, server, deaths, where } = upload
  const { files, albums } = expectedContent(library)
  const sentAfter: number[] = []
  let run: RunningHeirloom | undefined
  for (const death of deaths) {
    const before = server.requests().length
    run ??= startHeirloom(['upload', library, '--json'], { env: envOf(server) })
    await untilTime(death, { server, before, run, where })
    if (death.victim === 'server') {
      await server.kill()
      await server.start()
    } else {
      run.child.kill('SIGKILL')
      assert.equal((await run.ended).signal, 'SIGKILL', `${where}: the client ended before its death`)
      run = undefined
      assertNothingInvented(library, server.readState(), where)
    }
    sentAfter.push(server.readState().assets.size)
  }
  const last = await (run?.ended ?? runHeirloom(['upload', library, '--json'], { env: envOf(server) }))
  const state = server.readState()
  assertUploaded(library, state, `${where}\n${last.stderr}`)
  assertNothingInvented(library, state, where)
  assertReported(last, files.length, where)
  return {
    files: files.length,
    albums: Object.keys(albums).length,
    clientDeaths: deaths.filter(({ victim }) => victim === 'client').length,
    serverDeaths: deaths.filter(({ victim }) => victim === 'server').length,
    sentAfter,
    uploadCalls: server.requests().filter((line) => line === 'POST /api/assets').length,
    sentInVain: state.counters.lateDuplicates,
    durationMs: performance.now() - startedAt,
  }
}

const ROUTES = {
  'POST /assets': /^POST \/api\/assets$/u,
  'PUT /albums': /^PUT \/api\/albums\/[^/]+\/assets$/u,
  'POST /stacks': /^POST \/api\/stacks$/u,
} as const

interface Moment {
  readonly server: ServerProcess
  readonly before: number
  readonly run: RunningHeirloom
  readonly where: string
}

async function untilTime({ victim, route, calls }: Death, moment: Moment): Promise<void> {
  const { server, before, run, where } = moment
  const told = `${where}: ${calls} calls of ${route}, for the death of the ${victim}`
  const seen = (): true | undefined => {
    const since = server.requests().slice(before)
    if (since.filter((line) => ROUTES[route].test(line)).length >= calls) return true
    assert.equal(run.child.exitCode, null, `${told}: the client has ended\n${run.stderr()}`)
    return undefined
  }
  await until(told, seen, 120_000)
}

function envOf({ address, key }: ServerProcess): Record<string, string> {
  return { IMMICH_INSTANCE_URL: address, IMMICH_API_KEY: key }
}

const CLAIMS = `
  SELECT remote_id AS id, lower(hex(sha1)) AS sha1 FROM uploads WHERE state IN ('uploaded', 'present')`
const MEMBERS = `
  SELECT a.remote_id AS album, u.remote_id AS asset FROM server_album_assets m
  JOIN server_albums a ON a.id = m.album_id JOIN uploads u ON u.asset_id = m.asset_id AND u.server_id = a.server_id
  WHERE m.state = 'done'`

/** What the catalog says to be on the server is there. */
function assertNothingInvented(library: string, state: KeptState, where: string): void {
  const db = new DatabaseSync(join(library, '.heirloom/library.db'), { readOnly: true })
  try {
    const files = db.prepare(CLAIMS).all()
    const missing = files.filter(({ id, sha1 }) => state.assets.get(String(id))?.sha1 !== sha1)
    assert.deepEqual(missing, [], `${where}: files that the catalog invented`)
    const members = db.prepare(MEMBERS).all()
    const absent = members.filter(
      ({ album, asset }) => !state.albums.get(String(album))?.assetIds.has(String(asset)),
    )
    assert.deepEqual(absent, [], `${where}: members of albums that the catalog invented`)
  } finally {
    db.close()
  }
}

function assertReported({ exitCode, stdout, stderr }: HeirloomRun, files: number, where: string): void {
  assert.equal(exitCode, 0, `${where}\n${stdout}\n${stderr}`)
  const { status, exports, problems } = JSON.parse(stdout) as UploadSummary
  assert.deepEqual([status, problems], ['complete', []], where)
  for (const { name, left, failed, filesFound, filesDone, problemCount } of exports) {
    assert.deepEqual([left, failed, problemCount, filesFound - filesDone], [0, 0, 0, 0], `${where}, ${name}`)
  }
  assert.ok(
    exports.every(({ filesFound }) => filesFound <= files),
    where,
  )
}
