/**
 * How many worker processes to run, and the warning when that is more than the machine bears.
 *
 * @module
 */

import { pluralize } from '../units.ts'

export interface WorkerRequest {
  readonly cores: number
  /** As asked for. */
  readonly parallelExports: number
  readonly exportCount: number
  /** Per export; `auto` lets all exports share the cores. */
  readonly workers: number | 'auto'
}

export interface WorkerPlan {
  readonly parallelExports: number
  /** Size of the one pool that all exports share. */
  readonly pool: number
  /** Lines for the user, or none. */
  readonly warnings: readonly string[]
}

/** Processes per core above which the machine is called over-subscribed (the seed's 50 %). */
const OVERSUBSCRIBED = 1.5

/** Decides the pool. An explicit number of workers is meant per export, the default never over-subscribes. */
export function planWorkers({
  cores,
  parallelExports: asked,
  exportCount,
  workers,
}: WorkerRequest): WorkerPlan {
  const parallelExports = Math.max(1, Math.min(asked, exportCount))
  const warnings =
    asked > 1 && exportCount === 1 ? ['WARNING: --parallel-exports is ignored: there is only one export'] : []
  if (workers === 'auto') return { parallelExports, pool: Math.max(2, cores - 1), warnings }
  return {
    parallelExports,
    pool: parallelExports * workers,
    warnings: [...warnings, ...warnOfOverSubscription(cores, parallelExports, workers)],
  }
}

/** The seed's warning and suggestion, when `exports × (workers + 1)` processes are above 1.5 a core. */
export function warnOfOverSubscription(cores: number, parallelExports: number, workers: number): string[] {
  const total = parallelExports * (workers + 1)
  if (total <= OVERSUBSCRIBED * cores) return []
  return [
    `WARNING: Running ${pluralize(parallelExports, 'export')} with ${pluralize(workers, 'worker')}${parallelExports > 1 ? ' each' : ''}`,
    `         will create ~${total} processes on ${cores} CPU ${cores === 1 ? 'core' : 'cores'}`,
    '         This may cause performance degradation due to over-subscription.',
    '',
    ...suggest(cores, parallelExports, workers),
  ]
}

/** As many exports as asked for, with the workers that fill the cores; fewer exports where one worker each is too much. */
function suggest(cores: number, asked: number, workers: number): string[] {
  const fits = asked * 2 <= OVERSUBSCRIBED * cores
  const parallelExports = fits ? asked : Math.max(1, Math.floor(cores / 2))
  const each = Math.max(1, Math.floor(cores / parallelExports) - 1)
  if (asked === 1) {
    return each < workers
      ? [`SUGGESTION: Try --workers ${each}`, '            or leave --workers out']
      : ['SUGGESTION: Leave --workers out']
  }
  return [
    `SUGGESTION: Try --parallel-exports ${parallelExports} --workers ${each}`,
    ...(parallelExports > 1 ? ['            or reduce --parallel-exports to 1'] : []),
  ]
}
