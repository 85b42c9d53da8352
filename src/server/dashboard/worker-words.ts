/**
 * What is said of those who work, in words.
 *
 * @module
 */

import { formatCount, pluralize } from '../../units.ts'
import type { SnapshotView } from '../dashboard-events.ts'

type Working = Pick<SnapshotView, 'coordinators' | 'workerHosts'>

/** Beside the title: who is there. */
export function readingOf({ coordinators, workerHosts }: Working): string {
  if (coordinators.length === 0) return 'nobody works'
  const here = pluralize(coordinators.length, 'coordinator')
  if (workerHosts === undefined) return here
  const { isConnected, hosts, concurrency } = workerHosts
  if (!isConnected) return `${here}, Redis does not answer`
  if (hosts === 0) return `${here}, no worker host`
  return `${here}, ${pluralize(hosts, 'worker host')} for ${formatCount(concurrency)} at a time`
}

/** Where no process and no task is to be shown. */
export function emptyText({ workerHosts }: Working): string {
  if (workerHosts === undefined)
    return 'No worker process is alive here. They start with the first task, and end when they idle. Those of worker hosts are not listed.'
  if (!workerHosts.isConnected) return 'Redis does not answer. Tasks wait until it does.'
  if (workerHosts.hosts === 0)
    return 'No worker host is there: thumbnails wait until one is. Start it with heirloom worker.'
  return 'Nothing is handed out. Thumbnails are made by worker hosts, whose processes are not listed here.'
}
