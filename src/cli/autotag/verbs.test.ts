import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Autotag } from '../../immich/autotag/autotag-jobs.ts'
import { main } from '../main.ts'
import { applySummary, fakeAutotag, planResult, RULES, RUN, TAG_STEP } from '../testing/autotag-jobs.ts'
import { fakeServices, memoryIo } from '../testing/memory-io.ts'

const folder = mkdtempSync(join(tmpdir(), 'autotag-verbs-'))
after(() => rmSync(folder, { recursive: true, force: true }))
mkdirSync(join(folder, 'rules'))
for (const name of ['autotag.yaml', join('rules', 'autotag.yaml')])
  writeFileSync(join(folder, name), 'version: 1\n')
writeFileSync(join(folder, 'plan.json'), JSON.stringify(planResult([TAG_STEP]).plan))

interface Options {
  readonly answer?: boolean
  readonly env?: Record<string, string>
  readonly terminal?: { readonly columns: number; readonly rows: number }
}

async function run(line: string, fake = fakeAutotag(), options: Options = {}) {
  const io = memoryIo({ cwd: folder, ...options })
  const code = await main(line.split(' '), io, fakeServices({ autotag: async () => fake.jobs }))
  return { code, out: io.stdout.text(), err: io.stderr.text(), asked: fake.asked, options: fake.options }
}

/** A run that was broken off, of which 40 changes were left. */
function brokenOff(kind: 'apply' | 'undo', changes: Partial<Autotag> = {}): ReturnType<typeof fakeAutotag> {
  return fakeAutotag({
    unfinished: () => ({ ...RUN, kind, undoes: kind === 'undo' ? RUN.id : undefined, status: 'interrupted' }),
    resume: async () => applySummary({ done: 40 }),
    ...changes,
  })
}

describe('one JSON document', () => {
  test('holds the run that was broken off beside the new one', async () => {
    const { out, asked } = await run('autotag apply --auto --json', brokenOff('apply'))
    const { done, resumed } = JSON.parse(out)
    assert.deepEqual([done, resumed.done], [2, 40])
    assert.deepEqual(asked, ['resume', 'plan', 'apply', 'close'])
  })

  test('holds it also before a saved plan', async () => {
    const { out, asked } = await run('autotag apply plan.json --json', brokenOff('apply'))
    assert.equal(JSON.parse(out).resumed.done, 40)
    assert.deepEqual(asked, ['resume', 'apply', 'close'])
  })

  test('holds it also when nothing is left to change', async () => {
    const fake = brokenOff('apply', { plan: async () => planResult([]) })
    const { out } = await run('autotag apply --json', fake)
    const { run: after_, resumed } = JSON.parse(out)
    assert.deepEqual([after_, resumed.done], [null, 40])
  })

  test('is the run that was broken off when that went wrong, and nothing more is done', async () => {
    const undone = [{ step: TAG_STEP, outcome: 'refused', ids: ['a-1'], message: 'no' }] as const
    const fake = brokenOff('apply', { resume: async () => applySummary({ done: 40, undone }) })
    const { out, asked, code } = await run('autotag apply --auto --json', fake)
    assert.equal(code, 1)
    assert.equal(JSON.parse(out).done, 40)
    assert.deepEqual(asked, ['resume', 'close'])
  })

  for (const [line, answer] of [
    ['autotag plan --json'],
    ['autotag apply --json', false],
    ['autotag apply --json', true],
    ['autotag undo --json', false],
    ['autotag undo --json', true],
    ['autotag undo -n --json'],
    ['autotag explain a-1 --json'],
    ['autotag lint --json'],
    ['autotag lint --offline --json'],
    ['autotag report --json'],
    ['autotag import plan.json --json'],
  ] as const) {
    test(`is all that ${line} prints${answer === undefined ? '' : ` after a ${answer ? 'yes' : 'no'}`}`, async () => {
      const { out } = await run(line, fakeAutotag(), answer === undefined ? {} : { answer })
      assert.equal(typeof JSON.parse(out), 'object')
      assert.match(out, /^[^\n]+\n$/u)
    })
  }
})

describe('autotag undo', () => {
  test('finishes an undo that was broken off, and is done with it', async () => {
    const { asked, code, out } = await run('autotag undo -y', brokenOff('undo'))
    assert.deepEqual([asked, code], [['resume', 'close'], 0])
    assert.match(out, /^done: 40 changes made/u)
    assert.equal(out.match(/40 changes made/gu)?.length, 1)
  })

  test('says what was not done then, when it was asked for less than a run', async () => {
    const { asked, err } = await run('autotag undo -y --rule dates', brokenOff('undo'))
    assert.deepEqual(asked, ['resume', 'close'])
    assert.match(err, /only the undo that was broken off was finished/u)
    assert.doesNotMatch((await run('autotag undo -y', brokenOff('undo'))).err, /only the undo/u)
  })

  test('prints the undo that it finished as the one JSON document', async () => {
    const { code, out } = await run('autotag undo -y --json', brokenOff('undo'))
    assert.deepEqual([code, JSON.parse(out).done, out.match(/\n/gu)?.length], [0, 40, 1])
  })

  test('finishes it, then undoes the run that was named', async () => {
    const { asked, out } = await run('autotag undo another -y --json', brokenOff('undo'))
    assert.deepEqual(asked, ['resume', 'undoPlan', 'apply', 'close'])
    assert.deepEqual([JSON.parse(out).done, JSON.parse(out).resumed.done], [2, 40])
  })

  test('is done when the run that was named is the one whose undo it finished, and nothing of it is left', async () => {
    const undoPlan = async () => ({ ...planResult([]), run: RUN.id })
    const { asked, code, out } = await run(`autotag undo ${RUN.id} -y`, brokenOff('undo', { undoPlan }))
    assert.deepEqual([asked, code], [['resume', 'undoPlan', 'close'], 0])
    assert.doesNotMatch(out, /Nothing/u)
    const json = await run(`autotag undo ${RUN.id} -y --json`, brokenOff('undo', { undoPlan }))
    assert.equal(JSON.parse(json.out).done, 40)
  })

  test('undoes what is left of that run, if its undo was of a part of it', async () => {
    const { asked } = await run(`autotag undo ${RUN.id} -y`, brokenOff('undo'))
    assert.deepEqual(asked, ['resume', 'undoPlan', 'apply', 'close'])
  })

  test('finishes no apply that was broken off', async () => {
    assert.deepEqual((await run('autotag undo -y', brokenOff('apply'))).asked, ['undoPlan', 'apply', 'close'])
  })

  test('changes nothing with --dry-run, whatever was broken off', async () => {
    assert.deepEqual((await run('autotag undo -n', brokenOff('undo'))).asked, ['undoPlan', 'close'])
  })

  test('says so when nothing is left to be taken back', async () => {
    const fake = fakeAutotag({ undoPlan: async () => ({ ...planResult([]), run: RUN.id }) })
    const { out, code } = await run('autotag undo', fake)
    assert.equal(code, 0)
    assert.match(out, /\nNothing: all of it is otherwise by now, or taken back already\.\n$/u)
  })
})

describe('a run that is stopped before its end', () => {
  const interrupted = { ...RUN, status: 'interrupted' } as const
  const stoppedBy = { code: 'immich/unreachable', message: 'nobody is there', recovery: 'retry' } as const

  test('is 130 when it was Ctrl-C, and 1 when the server went away', async () => {
    const ctrlC = fakeAutotag({ apply: async () => applySummary({ run: interrupted }) })
    assert.equal((await run('autotag apply --auto', ctrlC)).code, 130)
    const gone = fakeAutotag({ apply: async () => applySummary({ run: interrupted, stoppedBy }) })
    assert.equal((await run('autotag apply --auto', gone)).code, 1)
  })
})

describe('what goes on', () => {
  test('is shown again after the plan was printed', async () => {
    const fake = fakeAutotag()
    const jobs = {
      ...fake.jobs,
      open: async (options: Parameters<typeof fake.jobs.open>[0]) => {
        const autotag = await fake.jobs.open(options)
        const tell = (stage: 'loading' | 'applying', what: string): void =>
          options.onProgress({ stage, what, done: 1, total: 2, calls: 3 })
        return {
          ...autotag,
          plan: async () => {
            tell('loading', 'assets')
            return planResult([TAG_STEP])
          },
          apply: async () => {
            tell('applying', 'tags')
            return applySummary()
          },
          unfinished: () => undefined,
          close: async () => undefined,
        }
      },
    }
    const { err } = await run('autotag apply --auto', { ...fake, jobs })
    assert.match(err, /reading assets: 1 of 2, 3 calls\napplying tags: 1 of 2, 3 calls\n/u)
  })
})

describe('a server that is silent', () => {
  /** Applies for 100 s, with a sign of life after 9 s and after 50. */
  async function runSilent(...more: string[]): Promise<string> {
    const io = memoryIo({ cwd: folder })
    const fake = fakeAutotag()
    const tell = (done: number): void =>
      fake.options[0]?.onProgress({ stage: 'applying', what: 'tags', done, total: 2, calls: done })
    const jobs = {
      ...fake.jobs,
      open: async (options: Parameters<typeof fake.jobs.open>[0]) => ({
        ...(await fake.jobs.open(options)),
        unfinished: () => undefined,
        close: async () => undefined,
        plan: async () => planResult([TAG_STEP]),
        apply: async () => {
          tell(0)
          io.clock.advance(9_000)
          tell(1)
          io.clock.advance(50_000)
          tell(2)
          io.clock.advance(5_000)
          return applySummary()
        },
      }),
    }
    await main(['autotag', 'apply', '--auto', ...more], io, fakeServices({ autotag: async () => jobs }))
    io.clock.advance(100_000)
    return io.stderr.text()
  }

  test('is told of, once a silence', async () => {
    const lines = (await runSilent()).split('\n').filter((line) => line.includes('waiting'))
    assert.deepEqual(lines, ['nothing has come from the server for 15 s: waiting for it'])
  })

  test('is told of as JSON with --json', async () => {
    assert.match(
      await runSilent('--json'),
      /"message":"nothing has come from the server for 15 s: waiting for it"/u,
    )
  })
})

describe('the folder of the memory', () => {
  const withJournal = (journal: string): ReturnType<typeof fakeAutotag> =>
    fakeAutotag(
      {},
      {
        readRules: () => ({
          rules: { ...RULES, run: { ...RULES.run, journal } },
          problems: [],
          locate: () => ({ line: 1, column: 1 }),
        }),
      },
    )
  const folderOf = async (line: string, journal: string): Promise<string | undefined> =>
    (await run(line, withJournal(journal), { env: { HOME: '/home/ada' } })).options[0]?.stateFolder

  test('is that of the rules, from where they lie', async () => {
    assert.equal(
      await folderOf('autotag plan --rules rules/autotag.yaml', 'memory'),
      join(folder, 'rules/memory'),
    )
  })

  test('can be below the home folder', async () => {
    assert.equal(await folderOf('autotag plan', '~/memory'), '/home/ada/memory')
  })

  test('is that of --state before that of the rules', async () => {
    assert.equal(await folderOf('autotag plan --state mine', 'memory'), join(folder, 'mine'))
  })
})

describe('files that are no rules and no plans', () => {
  test('are named', async () => {
    const { code, err } = await run('autotag plan --rules rules')
    assert.equal(code, 2)
    assert.match(err, /rules is a folder, and no file/u)
    assert.match((await run('autotag apply rules')).err, /rules is a folder, and no file/u)
    assert.match((await run('autotag apply none.json')).err, /none\.json: no such file/u)
  })

  test('are refused when they are no UTF-8: a name read wrongly would be another one', async () => {
    writeFileSync(join(folder, 'old.yaml'), Buffer.from('version: 1 # für\n', 'latin1'))
    writeFileSync(join(folder, 'wide.json'), Buffer.from('\uFEFF{"format":1}', 'utf16le'))
    const { code, err } = await run('autotag plan --rules old.yaml')
    assert.equal(code, 2)
    assert.match(err, /old\.yaml is not text in UTF-8\nSave it as UTF-8/u)
    assert.match((await run('autotag apply wide.json')).err, /wide\.json is not text in UTF-8/u)
  })

  test('may begin with a byte order mark', async () => {
    const text = JSON.stringify(planResult([TAG_STEP]).plan)
    writeFileSync(join(folder, 'marked.json'), `\uFEFF${text}`)
    const { asked } = await run('autotag apply marked.json')
    assert.deepEqual(asked, ['apply', 'close'])
  })

  test('are not read to their end when they have none', async () => {
    const { code, err } = await run('autotag plan --rules /dev/zero')
    assert.equal(code, 2)
    assert.match(err, /\/dev\/zero is too large/u)
  })
})

describe('autotag lint', () => {
  test('tells a warning once', async () => {
    const warning = {
      severity: 'warning',
      line: 1,
      column: 1,
      where: '',
      message: 'no zone',
      hint: undefined,
    } as const
    const fake = fakeAutotag(
      {},
      { readRules: () => ({ rules: RULES, problems: [warning], locate: () => ({ line: 1, column: 1 }) }) },
    )
    const { out, err } = await run('autotag lint', fake)
    assert.equal(`${out}${err}`.match(/no zone/gu)?.length, 1)
  })
})
