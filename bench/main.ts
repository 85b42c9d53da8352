/**
 * `npm run bench -- NAME`: runs one benchmark; without a name, lists them.
 *
 * @module
 */

import { type BenchArgs, parseBenchArgs } from './args.ts'
import { removeStaleOutputs, removeWorkspace } from './workspace.ts'

interface Benchmark {
  readonly name: string
  readonly about: string
  readonly load: () => Promise<(args: BenchArgs) => Promise<void>>
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'ingest',
    about: 'one takeout against a plain copying program; second run; peak memory',
    load: async () => (await import('./ingest.ts')).benchIngest,
  },
  {
    name: 'ingest-exports',
    about: 'four exports with --parallel-exports 1, 2, 4 and 5 (--full: 200 photos each)',
    load: async () => (await import('./ingest-exports.ts')).benchIngestExports,
  },
  {
    name: 'ingest-memory',
    about: 'peak memory and time for 1,000, 10,000 and 100,000 tiny photos (--items 1000,10000)',
    load: async () => (await import('./ingest-memory.ts')).benchIngestMemory,
  },
  {
    name: 'match',
    about: 'pairing media and JSON files of one folder, up to 100,000 (--items)',
    load: async () => (await import('./match.ts')).benchMatch,
  },
  {
    name: 'queue',
    about: 'tasks a second that do nothing, against a bare SQLite loop (--items)',
    load: async () => (await import('./queue.ts')).benchQueue,
  },
  {
    name: 'queue-peers',
    about: 'tasks that do nothing through this queue, BullMQ on Redis, and plainjob (--items)',
    load: async () => (await import('./queue/peers.ts')).benchQueuePeers,
  },
  {
    name: 'queue-latency',
    about: 'pickup of a new task on an idle queue, from this and another process; idle processor time',
    load: async () => (await import('./queue/latency.ts')).benchQueueLatency,
  },
  {
    name: 'queue-backlog',
    about: 'claims, start and memory with 10,000 and 1,000,000 waiting tasks (--items)',
    load: async () => (await import('./queue/backlog.ts')).benchQueueBacklog,
  },
  {
    name: 'thumbs',
    about: 'thumbnails of 12 and 24 megapixels: processor time against the seed and vipsthumbnail (--items)',
    load: async () => (await import('./thumbs.ts')).benchThumbs,
  },
  {
    name: 'serve',
    about: 'uploads of 5 MB by eight clients; a thousand requests a second meanwhile (--items)',
    load: async () => (await import('./serve.ts')).benchServe,
  },
  {
    name: 'upload-overlap',
    about: 'four exports that are processed and uploaded at once, in units of sleep',
    load: async () => (await import('./upload-overlap.ts')).benchUploadOverlap,
  },
  {
    name: 'upload',
    about: 'files of 0.3 MB to a fake Immich, against @immich/cli; again, when all are there (--items)',
    load: async () => (await import('./upload.ts')).benchUpload,
  },
  {
    name: 'upload-memory',
    about: 'peak memory while one file of 8 GiB is uploaded',
    load: async () => (await import('./upload-memory.ts')).benchUploadMemory,
  },
  {
    name: 'upload-crash',
    about: 'an upload of 1,000 files, its client killed ten times and its server five times (--items)',
    load: async () => (await import('./upload-crash.ts')).benchUploadCrash,
  },
  {
    name: 'autotag',
    about:
      'calls, time and memory of rules on 26,562 assets; the seed program; calls at a time (--full: a cold run)',
    load: async () => (await import('./autotag.ts')).benchAutotag,
  },
  {
    name: 'remote',
    about:
      'BullMQ on Redis: no-ops against bare BullMQ, jobs with a worker host, memory a task (--full: 1 M)',
    load: async () => (await import('./remote.ts')).benchRemote,
  },
  {
    name: 'scale',
    about: 'simulated: 1 to 100 worker hosts and 100 million items; what is full first (--items)',
    load: async () => (await import('./scale.ts')).benchScale,
  },
]

const { name, clean, ...args } = readArgs()
const benchmark = BENCHMARKS.find((one) => one.name === name)
if (benchmark !== undefined) {
  await removeStaleOutputs()
  await (await benchmark.load())(args)
} else if (!clean) list()
if (clean) console.log(`removed ${await removeWorkspace()}`)

function readArgs(): ReturnType<typeof parseBenchArgs> {
  try {
    return parseBenchArgs(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

function list(): void {
  if (name !== undefined) {
    console.error(`no benchmark is called ${name}`)
    process.exitCode = 2
  }
  console.log('npm run bench -- NAME [--workers N] [--rounds N] [--items N,…] [--quick] [--full] [--clean]\n')
  for (const { name: known, about } of BENCHMARKS) console.log(`  ${known.padEnd(16)}${about}`)
  console.log('\n--quick: a small input, one round; --clean: removes kept inputs and outputs afterwards.')
}
