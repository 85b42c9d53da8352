/**
 * Runs the command line in this process: for tests of what it does, not of how it starts, ends or is killed.
 *
 * A process of its own costs as much as taking in a dozen photos. Workers, exiftool and the thread of the database
 * are what they always are.
 *
 * @module
 */

import { main } from '../../src/cli/main.ts'
import { memoryIo } from '../../src/cli/testing/memory-io.ts'
import type { Clock } from '../../src/clock.ts'
import type { HeirloomRun } from './run-heirloom.ts'

export type RunHere = Pick<HeirloomRun, 'exitCode' | 'stdout' | 'stderr'>

/** No variable of this process's environment and no config file is read. Default: a clock that stands still. */
export async function runHere(
  args: readonly string[],
  {
    cwd = '/nowhere',
    env = {},
    clock,
  }: { readonly cwd?: string; readonly env?: Record<string, string>; readonly clock?: Clock } = {},
): Promise<RunHere> {
  const io = memoryIo({ cwd, env })
  const exitCode = await main(args, clock === undefined ? io : { ...io, clock })
  return { exitCode, stdout: io.stdout.text(), stderr: io.stderr.text() }
}
