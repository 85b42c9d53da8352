/**
 * `heirloom immich check`: looks at a server the way uploads will use it, and changes nothing.
 *
 * @module
 */

import { toErrorRecord } from '../errors.ts'
import type { ImmichApi } from '../immich/api.ts'
import { createImmichClient } from '../immich/client.ts'
import { missingPermissions } from '../immich/permissions.ts'
import { readServerFacts, type ServerFacts } from '../immich/server-facts.ts'
import { formatBytes, formatDuration } from '../units.ts'
import type { ImmichConnection, ServerCheck, ServerFinding } from './upload-api.ts'
import { UPLOAD_FEATURES } from './upload-server.ts'

/** Immich stops taking files when the disk is full, and its database suffers first. */
const LITTLE_SPACE_BYTES = 5e9

/** A clock that is off by more shifts what is sorted by upload time, and breaks logins that expire. */
const MAX_CLOCK_DIFFERENCE_MS = 120_000

const NEEDED = missingPermissions([], UPLOAD_FEATURES).join(', ')

/** Never rejects for what is wrong with the server: that is the answer. */
export async function checkServer(connection: ImmichConnection): Promise<ServerCheck> {
  const findings = await collectFindings(connection)
  return {
    address: connection.address,
    ok: findings.every(({ state }) => state !== 'fail'),
    findings,
  }
}

async function collectFindings(connection: ImmichConnection): Promise<ServerFinding[]> {
  let api: ImmichApi | undefined
  try {
    api = createImmichClient({ ...connection, retry: { attempts: 1 } })
    const { major, minor, patch } = await api.version()
    const server: ServerFinding = {
      name: 'server',
      state: 'ok',
      detail: `Immich ${major}.${minor}.${patch} at ${api.address}`,
    }
    const keyFindings = await checkKey(api)
    // Without a key that is taken, the free space is not told, whatever its permissions.
    const isTaken = keyFindings.every(({ name, state }) => name !== 'key' || state === 'ok')
    return [server, ...keyFindings, ...(isTaken ? await checkFacts(connection) : [])]
  } catch (error) {
    return [toFinding('server', error)]
  } finally {
    await api?.close()
  }
}

async function checkKey(api: ImmichApi): Promise<ServerFinding[]> {
  try {
    const [granted, user] = [await api.permissions(), await api.me()]
    const whose = user === undefined ? 'is accepted' : `is accepted, of the user ${user.name}`
    const key: ServerFinding = { name: 'key', state: 'ok', detail: `the key ${whose}` }
    if (granted === undefined) {
      const detail = 'the server does not tell what the key may do'
      const hint = `Uploads need: ${NEEDED}`
      return [key, { name: 'permissions', state: 'warn', detail, hint }]
    }
    const missing = missingPermissions(granted, UPLOAD_FEATURES)
    if (missing.length === 0) {
      const detail = granted.includes('all')
        ? 'the key may do everything'
        : 'the key may do all that is needed'
      const hint = granted.includes('all') ? `Enough are: ${NEEDED}` : undefined
      return [key, { name: 'permissions', state: 'ok', detail, ...(hint === undefined ? {} : { hint }) }]
    }
    const hint = 'Edit the key in Account Settings > API Keys of the Immich web page.'
    return [key, { name: 'permissions', state: 'fail', detail: `missing: ${missing.join(', ')}`, hint }]
  } catch (error) {
    return [toFinding('key', error)]
  }
}

async function checkFacts(connection: ImmichConnection): Promise<ServerFinding[]> {
  try {
    const facts = await readServerFacts(connection)
    return [...spaceFinding(facts), ...clockFinding(facts)]
  } catch (error) {
    return [toFinding('disk', error)]
  }
}

function spaceFinding({ diskAvailableBytes, diskSizeBytes = 0 }: ServerFacts): ServerFinding[] {
  const name = 'disk'
  if (diskAvailableBytes === undefined) {
    const detail = 'the server does not tell its free space'
    return [{ name, state: 'ok', detail, hint: 'It would with the permission server.storage.' }]
  }
  const detail = `${formatBytes(diskAvailableBytes)} free of ${formatBytes(diskSizeBytes)} on the server`
  if (diskAvailableBytes >= LITTLE_SPACE_BYTES) return [{ name, state: 'ok', detail }]
  return [{ name, state: 'warn', detail, hint: 'Free some space on the server before uploading.' }]
}

function clockFinding({ clockAheadMs }: ServerFacts): ServerFinding[] {
  if (clockAheadMs === undefined) return []
  const name = 'clock'
  const differenceMs = Math.abs(clockAheadMs)
  if (differenceMs <= MAX_CLOCK_DIFFERENCE_MS) {
    return [{ name, state: 'ok', detail: 'the clocks of the server and this machine agree' }]
  }
  const detail = `the clock of the server is ${formatDuration(differenceMs)} ${clockAheadMs > 0 ? 'ahead' : 'behind'}`
  return [{ name, state: 'warn', detail, hint: 'Set both clocks, best by a time service (NTP).' }]
}

function toFinding(name: string, error: unknown): ServerFinding {
  const { message, hint } = toErrorRecord(error)
  return { name, state: 'fail', detail: message, ...(hint === undefined ? {} : { hint }) }
}
