/**
 * What a worker host works on, from the settings: worker processes by lane, folders, buckets.
 *
 * @module
 */

import { stat } from 'node:fs/promises'
import { parse } from 'node:path'
import { HeirloomError } from '../errors.ts'
import { parseStorageAddress } from '../storage/object-store-address.ts'
import type { AllowedBucket, PathMap, RemoteLane } from '../tasks/remote-api.ts'
import type { ConfigValues } from './config-keys.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'
import { parseBucket, parseLanes, parseMap } from './worker-values.ts'

const HOW_TO_MAP =
  'Say what it may read and write: --map /mnt/photos=/data when the coordinator calls /mnt/photos what is /data here, --map /data when both call it so, --bucket NAME for S3.'

/**
 * Worker processes by lane. Lanes without a number of their own share what is left of `workers`, or of the cores,
 * evenly, the first ones getting what is over; every lane gets one at least.
 *
 * @throws {@link UsageError} when the numbers contradict each other.
 */
export function shareWorkers({
  lanes,
  workers,
  cores,
}: Pick<ConfigValues, 'lanes' | 'workers'> & { readonly cores: number }): Readonly<
  Partial<Record<RemoteLane, number>>
> {
  const requests = parseLanes(lanes)
  const open = requests.filter((request) => request.workers === undefined)
  const given = requests.reduce((sum, request) => sum + (request.workers ?? 0), 0)
  if (workers !== 'auto' && (open.length === 0 ? given !== workers : workers - given < open.length)) {
    throw new UsageError([`--workers ${workers} does not fit --lanes ${lanes}`], {
      hint: 'Leave --workers out, or name fewer lanes: each takes one process at least.',
    })
  }
  const left = Math.max(open.length, (workers === 'auto' ? cores : workers) - given)
  const shared = open.map(({ lane }, index) => [lane, Math.ceil((left - index) / open.length)] as const)
  const own = requests.flatMap((request) =>
    request.workers === undefined ? [] : [[request.lane, request.workers] as const],
  )
  const numbers = new Map<RemoteLane, number>([...shared, ...own])
  return Object.fromEntries(requests.map(({ lane }) => [lane, numbers.get(lane) ?? 1]))
}

/**
 * What the tasks may reach. A bucket without an endpoint is at `S3_ENDPOINT`, as it is for the coordinator.
 *
 * @throws {@link UsageError} when there is nothing, or a folder is none here.
 */
export async function readPlaces(
  { map = [], bucket = [] }: Pick<ConfigValues, 'map' | 'bucket'>,
  { env }: Pick<Io, 'env'>,
): Promise<{ readonly maps: readonly PathMap[]; readonly buckets: readonly AllowedBucket[] }> {
  if (map.length === 0 && bucket.length === 0) {
    throw new UsageError(['this worker host may reach no folder and no bucket'], { hint: HOW_TO_MAP })
  }
  const maps = map.map(parseMap).filter((one) => one !== undefined)
  const problems = await Promise.all(maps.map(problemOf))
  const twice = maps.filter(({ there }, index) => maps.findIndex((other) => other.there === there) < index)
  const all = [
    ...problems.filter((problem) => problem !== undefined),
    ...twice.map(({ there }) => `--map: ${there} is there twice`),
  ]
  if (all.length > 0) throw new UsageError(all, { hint: 'Is the share mounted? It is --map THERE=HERE.' })
  const buckets = bucket.map(parseBucket).filter((one) => one !== undefined)
  return { maps, buckets: buckets.map((one) => withEndpoint(one, env)) }
}

async function problemOf({ here }: PathMap): Promise<string | undefined> {
  if (parse(here).root === here) return `--map: ${here} is all of this machine, which is too much`
  const found = await stat(here).catch(() => undefined)
  if (found === undefined) return `--map: there is no folder ${here} here`
  return found.isDirectory() ? undefined : `--map: ${here} is not a folder`
}

function withEndpoint(allowed: AllowedBucket, env: Io['env']): AllowedBucket {
  if (allowed.endpoint !== undefined) return allowed
  try {
    const config = parseStorageAddress(`s3://${allowed.bucket}`, env)
    return config.kind === 's3' && config.endpoint !== undefined
      ? { ...allowed, endpoint: config.endpoint }
      : allowed
  } catch (error) {
    if (!(error instanceof HeirloomError)) throw error
    throw new UsageError([error.message], error.hint === undefined ? {} : { hint: error.hint })
  }
}
