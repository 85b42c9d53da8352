import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Autotag, AutotagJobs } from '../../immich/autotag/autotag-jobs.ts'
import { main } from '../main.ts'
import { applySummary, fakeAutotag, planResult, RULES, RUN, TAG_STEP } from '../testing/autotag-jobs.ts'
import { fakeServices, type MemoryIo, memoryIo } from '../testing/memory-io.ts'

const folder = mkdtempSync(join(tmpdir(), 'autotag-watch-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'autotag.yaml')
writeFileSync(file, 'version: 1\n')

/** Ended in any case: a watch that goes on would hold the process. */
const begun: MemoryIo[] = []
afterEach(() => {
  for (const io of begun.splice(0)) io.interrupt()
})

const HERE = { locate: () => ({ line: 1, column: 1 }) }

/** Lets pass what waits for files and promises, until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns += 1) {
    assert.ok(turns < 100_000, 'it never came')
    await turn()
  }
}

interface Watched {
  readonly io: MemoryIo
  readonly code: Promise<number>
  /** One line each. */
  lines(): readonly string[]
  /** Lets the time of one round pass, and waits for what it says. */
  nextRound(): Promise<readonly string[]>
}

function watch(
  answers: Partial<Autotag>,
  jobs: Partial<AutotagJobs> = {},
  { line = 'autotag watch --every 10m', env = {} }: { line?: string; env?: Record<string, string> } = {},
): Watched & { readonly options: ReturnType<typeof fakeAutotag>['options'] } {
  const fake = fakeAutotag(answers, jobs)
  const io = memoryIo({ cwd: folder, env })
  const hideSecrets = (names: readonly string[]): void => {
    for (const name of names) delete (io.env as Record<string, string | undefined>)[name]
  }
  const outside = { ...io, hideSecrets }
  begun.push(io)
  const code = main(line.split(' '), outside, fakeServices({ autotag: async () => fake.jobs }))
  const lines = (): readonly string[] => io.stderr.text().split('\n').slice(0, -1)
  const nextRound = async (): Promise<readonly string[]> => {
    const before = lines().length
    // The wait begins when the line was said already.
    await until(() => {
      io.clock.advance(600_000)
      return lines().length > before
    })
    return lines().slice(before)
  }
  return { io, code, lines, nextRound, options: fake.options }
}

async function ended({ io, code }: Watched): Promise<number> {
  io.interrupt()
  return await code
}

describe('autotag watch', () => {
  test('says one line of each round, and ends with 0 after a Ctrl-C', async () => {
    const rounds = [
      planResult([]),
      planResult([TAG_STEP]),
      planResult([TAG_STEP], { tooMany: { assets: 900, allowed: 240 } }),
    ]
    const watched = watch({ plan: async () => rounds.shift() ?? planResult([]) })
    await until(() => watched.lines().length === 1)
    assert.match(watched.lines()[0] ?? '', /^\d{4}-\d\d-\d\dT\S+ {2}nothing to change \(9 calls\)$/u)
    assert.match((await watched.nextRound())[0] ?? '', / {2}2 changes made \(run \S+\)$/u)
    assert.match((await watched.nextRound())[0] ?? '', /not applied: 900 assets would change/u)
    assert.equal(await ended(watched), 0)
  })

  test('goes on when the server is away, and when the rules are', async () => {
    let isAway = false
    const watched = watch({
      plan: async () => {
        if (isAway)
          throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
        return planResult([])
      },
    })
    await until(() => watched.lines().length === 1)
    isAway = true
    assert.match((await watched.nextRound())[0] ?? '', /failed: connect ECONNREFUSED.*; trying again later/u)
    isAway = false
    rmSync(file)
    try {
      assert.match((await watched.nextRound())[0] ?? '', /failed: there is no autotag\.yaml here/u)
    } finally {
      writeFileSync(file, 'version: 1\n')
    }
    assert.match((await watched.nextRound())[0] ?? '', /nothing to change/u)
    assert.equal(await ended(watched), 0)
  })

  test('ends at once when the rules are wrong from the beginning', async () => {
    const problem = {
      severity: 'error',
      line: 3,
      column: 7,
      where: '',
      message: 'no',
      hint: undefined,
    } as const
    const { code } = watch({}, { readRules: () => ({ problems: [problem], ...HERE }) })
    assert.equal(await code, 1)
    assert.equal(await watch({}, {}, { line: 'autotag watch --rules none.yaml' }).code, 2)
  })

  test('tells a warning once, and again when it was away meanwhile', async () => {
    const warning = {
      severity: 'warning',
      line: 1,
      column: 1,
      where: '',
      message: 'no zone',
      hint: undefined,
    } as const
    const problems = [[warning], [warning], [], [warning]]
    const watched = watch(
      { plan: async () => planResult([]) },
      { readRules: () => ({ rules: RULES, problems: problems.shift() ?? [], ...HERE }) },
    )
    await until(() => watched.lines().length === 2)
    assert.match(watched.lines()[0] ?? '', /warning: no zone/u)
    const told: number[] = []
    for (let round = 2; round <= 4; round += 1) told.push((await watched.nextRound()).length)
    await until(() => watched.lines().at(-1)?.includes('nothing to change') === true)
    assert.deepEqual(told.slice(0, 2), [1, 1])
    assert.match(watched.lines().at(-2) ?? '', /warning: no zone/u)
    assert.equal(await ended(watched), 0)
  })

  test('has the key of the environment in each round', async () => {
    const env = { IMMICH_API_KEY: 'key-1' }
    const watched = watch({ plan: async () => planResult([]) }, {}, { env })
    await until(() => watched.lines().length === 1)
    await watched.nextRound()
    await ended(watched)
    assert.deepEqual(
      watched.options.map(({ connection }) => connection.credentials),
      ['key-1', 'key-1'],
    )
  })

  test('finishes a run that was broken off, and says when one is broken off', async () => {
    const watched = watch({
      unfinished: () => ({ ...RUN, status: 'running' }),
      resume: async () => applySummary({ done: 40 }),
      apply: async () => applySummary({ run: { ...RUN, status: 'failed' } }),
    })
    await until(() => watched.lines().length === 2)
    assert.match(watched.lines()[0] ?? '', /was broken off and is finished now: 40 changes made$/u)
    assert.match(watched.lines()[1] ?? '', /failed: 2 changes made \(run /u)
    await ended(watched)
  })
})
