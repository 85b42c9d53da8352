/**
 * A process that takes a library's lease, says so, and holds it until it is killed.
 *
 * @module
 */

import { takeLease } from '../lease.ts'
import { libraryPaths } from '../library-folder.ts'

takeLease(libraryPaths(process.argv[2] ?? ''), { command: 'ingest', now: 1000 })
process.stdout.write('held\n')
setInterval(() => undefined, 60_000)
