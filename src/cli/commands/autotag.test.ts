import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { main } from '../main.ts'
import { applySummary, fakeAutotag, planOf, planResult, RUN, TAG_STEP } from '../testing/autotag-jobs.ts'
import { fakeServices, memoryIo } from '../testing/memory-io.ts'

const folder = mkdtempSync(join(tmpdir(), 'autotag-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'autotag.yaml'), 'version: 1\n')

async function run(
  line: string,
  fake = fakeAutotag(),
  options: { answer?: boolean; env?: Record<string, string>; cwd?: string } = {},
) {
  const io = memoryIo({ cwd: folder, ...options })
  const code = await main(line.split(' '), io, fakeServices({ autotag: async () => fake.jobs }))
  return { code, out: io.stdout.text(), err: io.stderr.text(), asked: fake.asked, options: fake.options }
}

describe('autotag plan', () => {
  test('shows the changes, what they cost and what to do next, and changes nothing', async () => {
    const { code, out, asked } = await run('autotag plan')
    assert.equal(code, 0)
    assert.match(out, /^Looked at 1,200 assets in 9 calls: http:\/\/nas\.local:2283\n/u)
    assert.match(out, /\+ tag auto\/unsorted {2}×2 +categories\.unsorted\n/u)
    assert.match(
      out,
      /Changes: 2 tags given\nCalls: {3}2 tag = 2 \(about 1\.5 s\); then the server writes 2 sidecars/u,
    )
    assert.match(out, /Nothing was changed\. To apply it: heirloom autotag apply\n$/u)
    assert.deepEqual(asked, ['plan', 'close'])
  })

  test('saves the plan and the page', async () => {
    const { code } = await run('autotag plan -o plan.json --html plan.html')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')), planOf([TAG_STEP]))
    assert.match(readFileSync(join(folder, 'plan.html'), 'utf8'), /tag auto\/unsorted {2}×2/u)
  })

  test('says it is one document with --json', async () => {
    const { out } = await run('autotag plan --json')
    assert.deepEqual(JSON.parse(out).plan.steps, [TAG_STEP])
  })

  test('names a rules file that is not there', async () => {
    const { code, err } = await run('autotag plan --rules none.yaml')
    assert.equal(code, 2)
    assert.match(err, /--rules none\.yaml: no such file/u)
  })

  test('tells each mistake of the rules with its place, and does nothing', async () => {
    const problem = {
      severity: 'error',
      line: 3,
      column: 7,
      where: 'checks[0].whne',
      message: 'whne is no word of a check',
      hint: 'did you mean when?',
    } as const
    const fake = fakeAutotag(
      {},
      { readRules: () => ({ problems: [problem], locate: () => ({ line: 1, column: 1 }) }) },
    )
    const { code, err, options } = await run('autotag plan', fake)
    assert.equal(code, 1)
    assert.match(err, /autotag\.yaml:3:7: error: whne is no word of a check \(did you mean when\?\)/u)
    assert.deepEqual(options, [])
  })
})

describe('the server', () => {
  test('is the one of the rules when nothing else is said', async () => {
    const { options } = await run('autotag plan')
    assert.deepEqual(options[0]?.connection, {
      address: 'http://nas.local:2283',
      credentials: 'key-of-the-rules',
      insecure: false,
    })
  })

  test('is the one of the flags, with the key of the environment', async () => {
    const env = { IMMICH_API_KEY: 'key-of-env' }
    const { options } = await run('autotag plan --immich-url http://other:2283', fakeAutotag(), { env })
    assert.deepEqual(options[0]?.connection, {
      address: 'http://other:2283',
      credentials: 'key-of-env',
      insecure: false,
    })
  })

  test('has its memory in the state folder of the user', async () => {
    const env = { XDG_STATE_HOME: '/state' }
    const { options } = await run('autotag plan', fakeAutotag(), { env })
    assert.equal(options[0]?.stateFolder, '/state/heirloom/autotag')
  })
})

describe('autotag apply', () => {
  test('asks, and does it after a yes', async () => {
    const { code, out, asked } = await run('autotag apply', fakeAutotag(), { answer: true })
    assert.equal(code, 0)
    assert.deepEqual(asked, ['plan', 'apply', 'close'])
    assert.match(out, /done: 2 changes made, in 2 calls\nTo take it back: heirloom autotag undo 2026-11-22T/u)
  })

  test('does nothing after a no', async () => {
    const { code, asked } = await run('autotag apply', fakeAutotag(), { answer: false })
    assert.equal(code, 1)
    assert.deepEqual(asked, ['plan', 'close'])
  })

  test('does nothing when nobody can be asked, and says how to do without', async () => {
    const { code, err, asked } = await run('autotag apply')
    assert.equal(code, 2)
    assert.match(err, /nobody can be asked here\n--auto \(or --yes\)/u)
    assert.deepEqual(asked, ['plan', 'close'])
  })

  test('asks nobody with --auto', async () => {
    assert.deepEqual((await run('autotag apply --auto')).asked, ['plan', 'apply', 'close'])
  })

  test('refuses more than max-changes, unless it is really meant', async () => {
    const much = (): ReturnType<typeof fakeAutotag> =>
      fakeAutotag({ plan: async () => planResult([TAG_STEP], { tooMany: { assets: 900, allowed: 240 } }) })
    const refused = await run('autotag apply --auto', much())
    assert.equal(refused.code, 2)
    assert.match(refused.err, /900 assets would change, and max-changes allows 240\nLook at the plan/u)
    assert.deepEqual(refused.asked, ['plan', 'close'])
    assert.deepEqual((await run('autotag apply --yes-really', much())).asked, ['plan', 'apply', 'close'])
  })

  test('applies a saved plan as it is', async () => {
    const saved = planOf([{ ...TAG_STEP, tag: 'auto/saved' }])
    writeFileSync(join(folder, 'saved.json'), JSON.stringify(saved))
    const applied: unknown[] = []
    const fake = fakeAutotag({
      apply: async (plan) => {
        applied.push(plan)
        return applySummary()
      },
    })
    assert.deepEqual((await run('autotag apply saved.json', fake)).asked, ['apply', 'close'])
    assert.deepEqual(applied, [saved])
  })

  test('finishes a run that was broken off before anything else', async () => {
    const fake = fakeAutotag({ unfinished: () => ({ ...RUN, status: 'running' }) })
    const { asked, err } = await run('autotag apply --auto', fake)
    assert.deepEqual(asked, ['resume', 'plan', 'apply', 'close'])
    assert.match(err, /the run 2026-11-22T09-15-00Z-4f2a was broken off: finishing it first/u)
  })

  test('names what was not done; what somebody changed meanwhile is no failure', async () => {
    const undone = (outcome: 'changed-meanwhile' | 'refused'): ReturnType<typeof fakeAutotag> =>
      fakeAutotag({
        apply: async () =>
          applySummary({ undone: [{ step: TAG_STEP, outcome, ids: ['a-1'], message: 'no' }] }),
      })
    const changed = await run('autotag apply --auto', undone('changed-meanwhile'))
    assert.equal(changed.code, 0)
    assert.match(changed.out, /! changed by somebody meanwhile, left alone: 1 item of tag auto\/unsorted/u)
    assert.equal((await run('autotag apply --auto', undone('refused'))).code, 1)
  })

  test('ends with 130 when it was interrupted, and says how to go on', async () => {
    const fake = fakeAutotag({
      apply: async () => applySummary({ run: { ...RUN, status: 'interrupted' } }),
    })
    const { code, out } = await run('autotag apply --auto', fake)
    assert.equal(code, 130)
    assert.match(out, /interrupted: [\s\S]*What is left is done by: heirloom autotag apply/u)
  })
})

describe('autotag undo', () => {
  test('shows what it would take back, and does it after a yes', async () => {
    const { out, asked } = await run('autotag undo', fakeAutotag(), { answer: true })
    assert.match(out, /^To take back of the run 2026-11-22T09-15-00Z-4f2a:\n - tag auto\/unsorted {2}×2/u)
    assert.deepEqual(asked, ['undoPlan', 'apply', 'close'])
  })

  test('only shows it with --dry-run', async () => {
    assert.deepEqual((await run('autotag undo --dry-run')).asked, ['undoPlan', 'close'])
  })
})

describe('autotag lint', () => {
  const warning = {
    severity: 'warning',
    line: 1,
    column: 1,
    where: '',
    message: 'no album is called Scnas',
    hint: undefined,
  } as const

  test('looks at the library, too', async () => {
    const { code, out } = await run('autotag lint', fakeAutotag({ lint: async () => [warning] }))
    assert.equal(code, 0)
    assert.match(out, /autotag\.yaml:1:1: warning: no album is called Scnas\n$/u)
  })

  test('asks no server with --offline', async () => {
    const { out, options } = await run('autotag lint --offline')
    assert.equal(out, 'the rules are fine\n')
    assert.deepEqual(options, [])
  })
})

describe('autotag import', () => {
  test('writes the rules and the notes, and never over a file', async () => {
    writeFileSync(join(folder, 'old.yaml'), 'server: {}\n')
    const first = await run('autotag import old.yaml -o new.yaml')
    assert.equal(first.code, 0)
    assert.equal(readFileSync(join(folder, 'new.yaml'), 'utf8'), 'version: 1\n')
    assert.match(first.err, /note: filters never worked\n/u)
    const second = await run('autotag import old.yaml -o new.yaml')
    assert.equal(second.code, 2)
    assert.match(second.err, /new\.yaml is there already/u)
  })
})
