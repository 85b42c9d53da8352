import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type ConfigSources, loadConfig, requireConfig, resolveConfig } from './config.ts'
import { CONFIG_KEY_NAMES, toFileKey, toVariable } from './config-keys.ts'
import { UsageError } from './usage-error.ts'

const none: ConfigSources = { cwd: '/here', flags: {}, env: {} }

describe('resolveConfig', () => {
  const all: ConfigSources = {
    cwd: '/here',
    flags: { workers: '1' },
    env: { HEIRLOOM_WORKERS: '2' },
    envFile: { path: '.env', values: { HEIRLOOM_WORKERS: '3' } },
    file: { path: 'heirloom.yaml', values: { workers: 4 } },
  }
  const { flags: _flags, ...noFlag } = all
  const precedence: { from: string; sources: ConfigSources; workers: number | 'auto' }[] = [
    { from: '--workers', sources: all, workers: 1 },
    { from: 'HEIRLOOM_WORKERS', sources: { ...noFlag, flags: {} }, workers: 2 },
    { from: 'HEIRLOOM_WORKERS in .env', sources: { ...all, flags: {}, env: {} }, workers: 3 },
    {
      from: 'workers in heirloom.yaml',
      sources: { cwd: '/here', flags: {}, env: {}, ...(all.file && { file: all.file }) },
      workers: 4,
    },
    { from: 'default', sources: none, workers: 'auto' },
  ]
  for (const { from, sources, workers } of precedence) {
    test(`takes ${from} when nothing above it is set`, () => {
      const { values, origins, problems } = resolveConfig(sources)
      assert.deepEqual([values.workers, origins.workers.detail, problems], [workers, from, []])
    })
  }

  test('every key is a flag, a variable and a file key of one name', () => {
    assert.deepEqual(
      CONFIG_KEY_NAMES.map((key) => [key, toFileKey(key), toVariable(key)]).find(
        ([key]) => key === 'parallelExports',
      ),
      ['parallelExports', 'parallel-exports', 'HEIRLOOM_PARALLEL_EXPORTS'],
    )
  })

  test('an empty variable counts as not set', () => {
    assert.equal(resolveConfig({ ...none, env: { HEIRLOOM_WORKERS: '' } }).origins.workers.source, 'default')
  })

  const wrong: { fact: string; sources: ConfigSources; problem: string }[] = [
    {
      fact: 'a number that is none',
      sources: { ...none, flags: { workers: 'many' } },
      problem: '--workers: expected a whole number from 1 to 256, or auto, got "many"',
    },
    {
      fact: 'a number out of range, in the file',
      sources: { ...none, file: { path: 'c.yaml', values: { 'parallel-exports': 0 } } },
      problem: 'parallel-exports in c.yaml: expected a whole number from 1 to 64, got 0',
    },
    {
      fact: 'a zone of which there is none',
      sources: { ...none, env: { HEIRLOOM_ZONE: 'Europe/Berln' } },
      problem:
        'HEIRLOOM_ZONE: expected an IANA time zone such as Europe/Berlin, got "Europe/Berln", did you mean Europe/Berlin?',
    },
    {
      fact: 'an offset, which knows no summer time',
      sources: { ...none, flags: { zone: '+02:00' } },
      problem: '--zone: expected an IANA time zone such as Europe/Berlin, got "+02:00"',
    },
    {
      fact: 'a key that is unknown',
      sources: { ...none, file: { path: 'c.yaml', values: { paralel_exports: 2 } } },
      problem: 'c.yaml: unknown key paralel_exports, did you mean parallel-exports?',
    },
    {
      fact: 'a key that is there in two spellings',
      sources: { ...none, file: { path: 'c.yaml', values: { 'log-level': 'info', logLevel: 'debug' } } },
      problem: 'c.yaml: logLevel is there twice',
    },
    {
      fact: 'a wrong line that a flag hides',
      sources: {
        ...none,
        flags: { metadata: 'embed' },
        file: { path: 'c.yaml', values: { metadata: 'no' } },
      },
      problem: 'metadata in c.yaml: expected embed or sidecar, got "no"',
    },
  ]
  for (const { fact, sources, problem } of wrong) {
    test(`names ${fact}`, () => assert.deepEqual(resolveConfig(sources).problems, [problem]))
  }

  test('gathers the problems of all sources', () => {
    const { problems } = resolveConfig({
      ...none,
      flags: { workers: 'x', zone: 'Nowhere/At' },
      env: { HEIRLOOM_METADATA: 'x' },
      file: { path: 'c.yaml', values: { nope: 1 } },
    })
    assert.equal(problems.length, 4)
  })

  test('an empty flag is wrong: the variable behind it has no value, and the default is not what was meant', () => {
    const { problems } = resolveConfig({ ...none, flags: { output: '', state: ' ' } })
    assert.deepEqual(
      problems.map((problem) => problem.replace(/expected .*, got/u, '…')),
      ['--output: … ""', '--state: … " "'],
    )
  })

  test('an unknown variable is a warning, with the nearest name, and without its value', () => {
    assert.deepEqual(resolveConfig({ ...none, env: { HEIRLOOM_WORKER: 'secret' } }).warnings, [
      'unknown variable HEIRLOOM_WORKER, did you mean HEIRLOOM_WORKERS?',
    ])
  })

  const paths: { fact: string; sources: ConfigSources; output: string }[] = [
    {
      fact: 'a flag is relative to the current folder',
      sources: { ...none, flags: { output: 'a' } },
      output: '/here/a',
    },
    {
      fact: 'a file is relative to itself',
      sources: { ...none, file: { path: '/etc/h/c.yaml', values: { output: 'a' } } },
      output: '/etc/h/a',
    },
    {
      fact: 'a tilde is the home folder',
      sources: { ...none, env: { HEIRLOOM_OUTPUT: '~/a' } },
      output: join(homedir(), 'a'),
    },
    { fact: 'the default is in the current folder', sources: none, output: '/here/library' },
  ]
  for (const { fact, sources, output } of paths) {
    test(fact, () => assert.equal(resolveConfig(sources).values.output, output))
  }

  const switches: [unknown, boolean][] = [
    [true, true],
    ['YES', true],
    ['1', true],
    ['off', false],
    [0, false],
  ]
  for (const [raw, verbose] of switches) {
    test(`${JSON.stringify(raw)} is ${verbose}`, () => {
      assert.equal(resolveConfig({ ...none, flags: { verbose: raw } }).values.verbose, verbose)
    })
  }
})

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heirloom-config-'))
  after(() => rmSync(folder, { recursive: true }))
  const place = (
    name: string,
    files: Record<string, string>,
  ): { cwd: string; env: Record<string, string> } => {
    const cwd = join(folder, name)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(cwd, path, '..'), { recursive: true })
      writeFileSync(join(cwd, path), text)
    }
    return { cwd, env: { XDG_CONFIG_HOME: join(cwd, 'xdg') } }
  }
  const noFiles = { configFile: undefined, envFile: undefined }

  test('reads .env and heirloom.yaml of the current folder', () => {
    const places = place('both', {
      '.env': '# mine\nHEIRLOOM_ZONE="Asia/Tokyo"\nIMMICH_API_KEY=other\n',
      'heirloom.yaml': 'workers: 3\n',
      'xdg/heirloom/config.yaml': 'workers: 9\nzone: Europe/Rome\n',
    })
    const { values, warnings, problems } = loadConfig({}, { ...places, ...noFiles })
    assert.deepEqual([values.zone, values.workers, warnings, problems], ['Asia/Tokyo', 3, [], []])
  })

  test('falls back to the config folder', () => {
    const places = place('xdg-only', { 'xdg/heirloom/config.yaml': 'workers: 9\n' })
    assert.equal(loadConfig({}, { ...places, ...noFiles }).values.workers, 9)
  })

  test('names a --config and an --env-file that are missing', () => {
    const places = place('missing', { 'x.txt': '' })
    const { problems } = loadConfig({}, { ...places, configFile: 'c.yaml', envFile: 'e.env' })
    assert.deepEqual(problems, [
      `${join(places.cwd, 'e.env')}: no such file`,
      `${join(places.cwd, 'c.yaml')}: no such file`,
    ])
  })

  for (const [fact, text] of [
    ['YAML that is broken', 'workers: [1\n'],
    ['a list instead of keys', '- workers\n'],
    ['a key twice', 'workers: 1\nworkers: 2\n'],
    [
      'an alias bomb',
      `a: &a [x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n`,
    ],
  ] as const) {
    test(`names ${fact}`, () => {
      const places = place(fact.replaceAll(' ', '-'), { 'heirloom.yaml': text })
      const { problems } = loadConfig({}, { ...places, ...noFiles })
      assert.ok(problems.length > 0)
      assert.match(problems[0] ?? '', /^heirloom\.yaml: /u)
    })
  }

  test('an empty file is no problem', () => {
    const places = place('empty', { 'heirloom.yaml': '# nothing\n' })
    assert.deepEqual(loadConfig({}, { ...places, ...noFiles }).problems, [])
  })

  test('requireConfig throws all problems at once', () => {
    const resolved = resolveConfig({ ...none, flags: { workers: 'x', metadata: 'y' } })
    assert.throws(
      () => requireConfig(resolved),
      (error) => error instanceof UsageError && error.problems.length === 2,
    )
  })
})
