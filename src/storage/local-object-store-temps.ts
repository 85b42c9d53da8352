/**
 * Temporary files of puts into a folder: how they are named, and which of them nobody writes any more.
 *
 * Several processes put into one folder (the server, its workers), and each of them sweeps when it opens the store.
 * So a temporary name says who writes it: a hash of the host's name and the process id. What lies there under any
 * other name is somebody's, and is left.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto'
import { lstat, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { systemCode } from '../errors.ts'

const TEMP_NAME = /^put-(?<host>[0-9a-f]{8})-(?<pid>\d{1,10})-[0-9a-f]{8}-\d+\.part$/u

/** A put writes all the time; one of another host, or of a process id that is in use again, is dead by then. */
const DEAD_AFTER_MS = 24 * 60 * 60 * 1000

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** Tells threads and instances of this module apart. */
const INSTANCE = randomBytes(4).toString('hex')

let count = 0

/** A name that nothing else has. */
export function nextTempName(): string {
  count += 1
  return `put-${HOST}-${process.pid}-${INSTANCE}-${count}.part`
}

/** Removes the temporary files in `folder` that no living put writes; answers how many. */
export async function sweepPutTemps(folder: string, now: number): Promise<number> {
  let swept = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const groups = entry.isFile() ? TEMP_NAME.exec(entry.name)?.groups : undefined
    if (groups === undefined) continue
    const path = join(folder, entry.name)
    const modifiedAt = await modificationOf(path)
    if (modifiedAt === undefined || !isDead(groups, modifiedAt, now)) continue
    await rm(path, { force: true })
    swept += 1
  }
  return swept
}

function isDead(writer: Record<string, string>, modifiedAt: number, now: number): boolean {
  if (now - modifiedAt > DEAD_AFTER_MS) return true
  if (writer['host'] !== HOST) return false
  const pid = Number(writer['pid'])
  // In a container that was started again, this process has the id of the one that died.
  if (pid === process.pid) return modifiedAt < now - process.uptime() * 1000
  return !isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, and is another user's.
    return systemCode(error) !== 'ESRCH'
  }
}

/** Undefined when the file has gone meanwhile: published, or swept by another process. */
async function modificationOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).mtimeMs
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
