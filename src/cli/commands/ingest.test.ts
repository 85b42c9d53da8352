import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { HeirloomError } from '../../errors.ts'
import type { IngestOptions, IngestSummary } from '../../tasks/ingest-api.ts'
import { main } from '../main.ts'
import type { Services } from '../services.ts'
import { exportSummary, fakeServices, ingestSummary, type MemoryIo, memoryIo } from '../testing/memory-io.ts'

class LockedError extends HeirloomError {
  readonly code = 'library/locked'
  readonly recovery = 'discard'
}

let cwd = ''
before(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-cli-')))
  for (const folder of ['Takeout', 'Other', 'Photos', 'all/a', 'all/b'])
    mkdirSync(join(cwd, folder), { recursive: true })
})
after(() => rmSync(cwd, { recursive: true }))

async function run(
  line: string,
  changes: Partial<Services> = {},
  io: MemoryIo = memoryIo({ cwd }),
): Promise<{
  code: number
  out: string
  err: string
  calls: readonly IngestOptions[]
}> {
  const services = fakeServices(changes)
  const code = await main(line === '' ? [] : line.split(' '), io, services)
  return { code, out: io.stdout.text(), err: io.stderr.text(), calls: services.calls }
}

describe('ingest is called with', () => {
  const cases: { line: string; options: () => Partial<IngestOptions> }[] = [
    {
      line: 'ingest Takeout',
      options: () => ({
        exports: [{ name: 'Takeout', inputs: [join(cwd, 'Takeout')] }],
        library: join(cwd, 'library'),
        state: undefined,
        parallelExports: 1,
        processor: undefined,
        dryRun: false,
        metadata: 'embed',
        zone: undefined,
      }),
    },
    {
      line: 'ingest --originals all --parallel-exports 2 -w 1 -o Photos --dry-run',
      options: () => ({
        exports: [
          { name: 'a', inputs: [join(cwd, 'all/a')] },
          { name: 'b', inputs: [join(cwd, 'all/b')] },
        ],
        library: join(cwd, 'Photos'),
        parallelExports: 2,
        workers: 2,
        dryRun: true,
      }),
    },
    { line: 'ingest Takeout --processor GOOGLE', options: () => ({ processor: 'Google' }) },
  ]
  const listProcessors: Services['listProcessors'] = async () => [
    { name: 'Google', folder: 'photos', priority: 1 },
  ]
  for (const { line, options } of cases) {
    test(line, async () => {
      const { calls } = await run(line, { listProcessors })
      const expected = options()
      const given = Object.fromEntries(Object.entries(calls[0] ?? {}).filter(([key]) => key in expected))
      assert.deepEqual(given, expected)
    })
  }
})

describe('ingest answers with', () => {
  const failed = exportSummary({
    imported: 3,
    failed: 1,
    problems: [
      {
        path: 'a/b.jpg',
        code: 'media/truncated',
        message: 'b.jpg ends in the middle',
        hint: 'Copy it again.',
      },
    ],
    problemCount: 1,
  })
  const cases: { fact: string; line?: string; summary: IngestSummary; code: number; out: RegExp }[] = [
    {
      fact: 'the counts, the report and the next step',
      summary: ingestSummary(),
      code: 0,
      out: /^EXPORT +FOUND +IMPORTED.*\nTakeout +10 +4 +1 +4 +1 +0\n\nLibrary: \/photos\nReport: {2}\/photos\/report-1\.html\nDone in 4\.2 s\. .*heirloom check \/photos EXPORT\n$/u,
    },
    {
      fact: 'one line when nothing was new',
      summary: ingestSummary({ exports: [exportSummary({ unchanged: true })] }),
      code: 0,
      out: /^Nothing to do: all 10 files of 1 export were already taken in/u,
    },
    {
      fact: 'a question when there was no photo at all',
      summary: ingestSummary({
        exports: [exportSummary({ name: 'docs', imported: 0, duplicates: 0, ignored: 6 })],
      }),
      code: 0,
      out: /\nDone in 4\.2 s\. No photo or video was found in docs: is it the right folder\?/u,
    },
    {
      fact: 'the reason of each problem, and 1',
      summary: ingestSummary({ exports: [failed] }),
      code: 1,
      out: /1 problem in Takeout:\n {2}a\/b\.jpg: b\.jpg ends in the middle\n {4}Copy it again\./u,
    },
    {
      fact: 'why an export failed as a whole, and 1',
      summary: ingestSummary({
        exports: [exportSummary({ phase: 'failed', message: 'the archive is encrypted' })],
      }),
      code: 1,
      out: /failed as a whole\n\n1 problem in Takeout:\n {2}the archive is encrypted/u,
    },
    {
      fact: '1 when the counts do not add up',
      summary: ingestSummary({ exports: [exportSummary({ balanced: false })] }),
      code: 1,
      out: /counts do not add up/u,
    },
    {
      fact: 'the number of ambiguous pairings',
      summary: ingestSummary({ exports: [exportSummary({ ambiguousCount: 2 })] }),
      code: 0,
      out: /2 pairings of photo and metadata were ambiguous/u,
    },
    {
      fact: 'a sum over several exports',
      summary: ingestSummary({ exports: [exportSummary({ name: 'a' }), exportSummary({ name: 'b' })] }),
      code: 0,
      out: /\nall +20 +8 +2 +8 +2 +0\n/u,
    },
    {
      fact: 'harmless text for a hostile name',
      summary: ingestSummary({ exports: [exportSummary({ name: 'x\u001B[2J' })] }),
      code: 0,
      out: /x␛\[2J/u,
    },
    {
      fact: 'how to go on after an interruption, and 130',
      summary: ingestSummary({
        status: 'interrupted',
        exports: [exportSummary({ phase: 'placing', filesFound: 1010 })],
      }),
      code: 130,
      out: /1,000 to go\n.*Interrupted: what was done stays\. Run the same command again to go on\.\n$/su,
    },
    {
      fact: 'how to go on when an export has no end though the run is over, and 1',
      summary: ingestSummary({ exports: [exportSummary({ phase: 'placing' })] }),
      code: 1,
      out: /not finished\n.*An export was not finished\. Run the same command again/su,
    },
    {
      fact: 'the plan of a dry run',
      line: 'ingest Takeout --dry-run',
      summary: ingestSummary({
        plan: {
          entryCount: 3,
          entries: [
            {
              export: 'Takeout',
              path: 'a.jpg',
              outcome: 'imported',
              name: 'Takeout/photos/x.jpg',
              taken: '2021-07-04T22:30:05',
              albums: ['Sea'],
            },
            { export: 'Takeout', path: 'x.exe', outcome: 'ignored', albums: [], reason: 'no media' },
          ],
        },
      }),
      code: 0,
      out: /^imported {3}a\.jpg -> Takeout\/photos\/x\.jpg {2}\(2021-07-04T22:30:05; albums: Sea\)\nignored {4}x\.exe {2}\(no media\)\n… and 1 more\n.*Dry run: nothing was written\n$/su,
    },
  ]
  for (const { fact, line = 'ingest Takeout', summary, code, out } of cases) {
    test(fact, async () => {
      const result = await run(line, { ingest: async () => summary })
      assert.match(result.out, out)
      assert.equal(result.code, code)
    })
  }

  test('exactly one JSON document on stdout with --json, and nothing but JSON on stderr', async () => {
    const summary = ingestSummary({ exports: [failed] })
    const result = await run('ingest Takeout -w 200 --json -v', {
      ingest: async ({ logger }) => {
        logger.info('started')
        return summary
      },
    })
    assert.deepEqual(JSON.parse(result.out), JSON.parse(JSON.stringify(summary)))
    assert.equal(result.out.trimEnd().split('\n').length, 1)
    assert.equal(
      result.err
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)).length,
      2,
    )
    assert.equal(result.code, 1)
  })

  test('a list instead of the table on a terminal that is too narrow for it', async () => {
    const { out } = await run(
      'ingest Takeout --no-color',
      {},
      memoryIo({ cwd, terminal: { columns: 50, rows: 24 } }),
    )
    assert.match(out, /^Takeout\n {2}found +10\n {2}imported +4\n {2}duplicates +1\n/u)
  })

  test('the end of a path that is too long, and its reason once', async () => {
    const path = `${'a folder of a long name/'.repeat(4)}sea.jpg`
    const problems = [{ path, code: 'media/empty', message: `${path} is empty`, hint: 'Copy it again.' }]
    const long = ingestSummary({ exports: [exportSummary({ problems, problemCount: 1 })] })
    const io = memoryIo({ cwd, terminal: { columns: 40, rows: 24 } })
    const { out } = await run('ingest Takeout --no-color', { ingest: async () => long }, io)
    assert.match(out, /\n {2}….{30}sea\.jpg\n {4}is empty\n {4}Copy it again\.\n/u)
    const longest = Math.max(
      ...out
        .split('\n')
        .filter((line) => !line.includes('/photos'))
        .map((line) => line.length),
    )
    assert.ok(longest <= 40, `a line of ${longest}`)
  })

  test('at most five problems, and how many more there are', async () => {
    const problems = Array.from({ length: 20 }, (_, index) => ({ code: 'x/y', message: `reason ${index}` }))
    const many = ingestSummary({ exports: [exportSummary({ problems, problemCount: 1234 })] })
    const few = await run('ingest Takeout', { ingest: async () => many })
    assert.match(
      few.out,
      /1,234 problems in Takeout:\n( {2}reason \d\n){5} {2}… and 1,229 more in the report/u,
    )
    const verbose = await run('ingest Takeout -v', { ingest: async () => many })
    assert.match(verbose.out, /reason 19\n {2}… and 1,214 more/u)
  })
})

describe('ingest', () => {
  test('warns of too many workers in the words of the seed', async () => {
    const { err } = await run('ingest --originals all --parallel-exports 2 -w 200')
    assert.match(err, /^WARNING: Running 2 exports with 200 workers each\n {9}will create ~402 processes/u)
    assert.match(err, /\n\nSUGGESTION: Try --parallel-exports \d+ --workers \d+\n/u)
  })

  test('says that --parallel-exports is ignored for one export', async () => {
    assert.match((await run('ingest Takeout --parallel-exports 2')).err, /is ignored/u)
  })

  test('log lines go to the user as sentences, from warn on', async () => {
    const { err } = await run('ingest Takeout', {
      ingest: async ({ logger }) => {
        logger.info('not shown')
        logger.warn('a worker died', { pid: 7, signal: 'SIGKILL' })
        return ingestSummary()
      },
    })
    assert.equal(err, 'warn: a worker died (pid 7, signal SIGKILL)\n')
  })

  test('log lines go to the log file as JSON', async () => {
    await run('ingest Takeout --log-file log.jsonl -v', {
      ingest: async ({ logger }) => {
        logger.info('started', { exports: 1 })
        return ingestSummary()
      },
    })
    const line = JSON.parse(readFileSync(join(cwd, 'log.jsonl'), 'utf8'))
    assert.deepEqual([line.level, line.message, line.exports], ['info', 'started', 1])
  })

  test('the first Ctrl-C finishes, the second kills, the third leaves', async () => {
    const io = memoryIo({ cwd })
    const states: boolean[][] = []
    const { code, err } = await run(
      'ingest Takeout',
      {
        ingest: async ({ signal, kill }) => {
          for (let press = 0; press < 3; press += 1) {
            io.interrupt()
            states.push([signal.aborted, kill.aborted, io.exits.length > 0])
          }
          return ingestSummary({ status: 'interrupted' })
        },
      },
      io,
    )
    assert.deepEqual(states, [
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ])
    assert.equal(code, 130)
    assert.match(err, /finishing running work; press Ctrl-C again to leave at once\nleaving at once/u)
    assert.deepEqual(io.exits, [130])
  })

  test('what breaks in a killed job is no failure of its own', async () => {
    const io = memoryIo({ cwd })
    const { code, err } = await run(
      'ingest Takeout',
      {
        ingest: async () => {
          io.interrupt()
          io.interrupt()
          throw new Error('the worker is gone')
        },
      },
      io,
    )
    assert.equal(code, 130)
    assert.doesNotMatch(err, /the worker is gone/u)
  })

  test('a killed job that does not answer is left behind', async () => {
    const io = memoryIo({ cwd })
    await run(
      'ingest Takeout',
      {
        ingest: async () => {
          io.interrupt()
          io.interrupt()
          io.clock.advance(5000)
          return ingestSummary({ status: 'interrupted' })
        },
      },
      io,
    )
    assert.deepEqual(io.exits, [130])
  })

  test('nothing watches for Ctrl-C when it is over', async () => {
    const io = memoryIo({ cwd })
    await run('ingest Takeout', {}, io)
    const before = io.stderr.text()
    for (let press = 0; press < 3; press += 1) io.interrupt()
    assert.deepEqual([io.exits, io.stderr.text()], [[], before])
  })

  test('an error gives the terminal back, and is said with its hint', async () => {
    const io = memoryIo({ cwd, terminal: { columns: 80, rows: 24 } })
    const { code, err } = await run(
      'ingest Takeout',
      {
        ingest: async () => {
          throw new LockedError('the library is in use by process 7', { hint: 'Wait for it.' })
        },
      },
      io,
    )
    assert.equal(code, 1)
    assert.ok(err.endsWith('\u001B[?25herror: the library is in use by process 7\nWait for it.\n'))
  })

  test('a bug is said to be one, with its stack', async () => {
    const { code, err } = await run('ingest Takeout', {
      ingest: async () => {
        throw new TypeError('x is not a function')
      },
    })
    assert.equal(code, 1)
    assert.match(err, /^error: this is a bug in heirloom.*\nTypeError: x is not a function\n {4}at /u)
  })

  test('no colour in a pipe, with NO_COLOR, --no-color or TERM=dumb', async () => {
    const terminal = { columns: 80, rows: 24 }
    const colored = async (line: string, env: Record<string, string>, isTerminal = true): Promise<boolean> =>
      (await run(line, {}, memoryIo({ cwd, env, ...(isTerminal && { terminal }) }))).out.includes('\u001B[')
    assert.deepEqual(
      [
        await colored('ingest Takeout', {}),
        await colored('ingest Takeout', {}, false),
        await colored('ingest Takeout', { NO_COLOR: '1' }),
        await colored('ingest Takeout', { TERM: 'dumb' }),
        await colored('ingest Takeout --no-color', {}),
        await colored('ingest Takeout', { HEIRLOOM_COLOR: 'always' }, false),
      ],
      [true, false, false, false, false, true],
    )
  })
})
