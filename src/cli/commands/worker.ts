/**
 * `heirloom worker`: computes for coordinators on other hosts, and keeps nothing.
 *
 * @module
 */

import type { Command } from 'commander'
import type {
  RemoteLane,
  RemoteWorkerOptions,
  RemoteWorkerSummary,
  WorkerStatusReport,
} from '../../tasks/remote-api.ts'
import { formatCount, formatDuration, pluralize } from '../../units.ts'
import {
  type CommandContext,
  configOf,
  newCommand,
  type Run,
  type SharedOptions,
  setting,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import { requireConfig } from '../config.ts'
import type { ConfigKey } from '../config-keys.ts'
import { readHostLimits } from '../host-limits.ts'
import { EXIT_INTERRUPTED, isBrokenOff, watchInterrupts } from '../interrupt.ts'
import { createWorkerView } from '../live-view.ts'
import { openLog } from '../log-target.ts'
import { hasColor } from '../paint.ts'
import { REDIS_SETTINGS, readRedis, redisFlags } from '../redis-settings.ts'
import { UsageError } from '../usage-error.ts'
import { readPlaces, shareWorkers } from '../worker-settings.ts'
import { RateMeter } from '../worker-view.ts'

export interface WorkerCommandOptions extends SharedOptions {
  readonly json: boolean
}

const SETTINGS: readonly ConfigKey[] = [...REDIS_SETTINGS, 'lanes', 'workers', 'map', 'bucket']

export function workerCommand(run: Run<WorkerCommandOptions>): Command {
  const command = newCommand(
    'worker',
    'work for an ingest, thumbs or serve on another machine, through Redis',
    [
      'heirloom worker --redis redis://nas.local:6379 --map /mnt/photos',
      'heirloom worker --redis rediss://nas.local --map /srv/photos=/mnt/photos --map /srv/takeouts=/mnt/takeouts',
      'heirloom worker --redis redis://localhost --map /data --lanes thumbnail --workers 4',
      'heirloom worker --redis redis://localhost --bucket https://minio.local:9000/photos --lanes thumbnail',
    ],
  )
  redisFlags(command)
  command.optionsGroup('Work:')
  setting(command, 'map', '--map <there=here...>')
  setting(command, 'bucket', '--bucket <bucket...>')
  setting(command, 'lanes', '--lanes <list>')
  command
    .option('-w, --workers <n>', 'worker processes, shared between the lanes (default: one a core)')
    .option('--json', 'print the end as one JSON document; status and log become JSON lines on stderr')
    .action((parsed: Record<string, unknown>) =>
      run({ ...sharedOptions(parsed, SETTINGS), json: parsed['json'] === true }),
    )
  return withSharedFlags(command)
}

export async function runWorker(
  { io, services }: CommandContext,
  options: WorkerCommandOptions,
): Promise<number> {
  const resolved = configOf(io, options)
  const config = requireConfig(resolved)
  if (config.redis === undefined) throw noRedis()
  const work = { lanes: shareWorkers({ ...config, ...readHostLimits() }), ...(await readPlaces(config, io)) }
  const view = createWorkerView(io, { json: options.json, color: hasColor(io, io.stderr, config.color) })
  using log = openLog(resolved, io, options.json, view.say)
  using interrupt = watchInterrupts(io, view.say)
  for (const warning of resolved.warnings) view.say(`warning: ${warning}`)
  const redis = await readRedis(resolved, io, view.say)
  if (redis === undefined) throw noRedis()
  for (const line of startLines({ redis, ...work })) view.say(line)
  const rate = new RateMeter()
  let summary: RemoteWorkerSummary
  try {
    summary = await services.runWorker({
      redis,
      ...work,
      signal: interrupt.signal,
      kill: interrupt.kill,
      logger: log.logger,
      onStatus: (status: WorkerStatusReport) => view.update(rate.note(status)),
    })
  } catch (error) {
    if (isBrokenOff(error, interrupt)) return EXIT_INTERRUPTED
    throw error
  } finally {
    view.stop()
  }
  io.stdout.write(`${options.json ? JSON.stringify(summary) : endLine(summary)}\n`)
  return interrupt.kill.aborted ? EXIT_INTERRUPTED : 0
}

function noRedis(): UsageError {
  return new UsageError(['no Redis server given'], {
    hint: 'Name the one that the coordinator uses: --redis redis://SERVER:6379 (or HEIRLOOM_REDIS)',
  })
}

type Work = Pick<RemoteWorkerOptions, 'redis' | 'lanes' | 'maps' | 'buckets'>

/** What it will do, so that a wrong map is seen before the first task fails for it. */
function startLines({ redis, lanes, maps, buckets }: Work): string[] {
  const numbers = Object.entries(lanes) as [RemoteLane, number][]
  const shares = numbers.map(([lane, workers]) => `${lane} ${pluralize(workers, 'process', 'processes')}`)
  return [
    `redis    ${redis.url} (keys ${redis.prefix}:…)`,
    `lanes    ${shares.join(', ')}`,
    ...maps.map(({ there, here }) => `folder   ${here}${there === here ? '' : ` (there ${there})`}`),
    ...buckets.map(
      ({ endpoint, bucket }) => `bucket   ${endpoint === undefined ? bucket : `${endpoint}/${bucket}`}`,
    ),
  ]
}

function endLine({ completed, failed, durationMs }: RemoteWorkerSummary): string {
  const failures = failed > 0 ? `, ${formatCount(failed)} failed` : ''
  return `Ended after ${formatDuration(durationMs)}: ${pluralize(completed, 'task')} done${failures}`
}
