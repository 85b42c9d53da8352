import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { IngestOptions } from '../tasks/ingest-api.ts'
import { buildProgram, main, type Runners } from './main.ts'
import type { Services } from './services.ts'
import { checkSummary, fakeServices, type MemoryIo, memoryIo } from './testing/memory-io.ts'

let cwd = ''
before(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-cli-')))
  for (const folder of ['Takeout', 'Other', 'Photos', 'Outer/.heirloom', 'all/a', 'all/b'])
    mkdirSync(join(cwd, folder), { recursive: true })
  writeFileSync(join(cwd, 'Outer/.heirloom/library.db'), '')
  writeFileSync(join(cwd, 'bad.yaml'), 'workerz: 3\nmetadata: burn\n')
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

describe('a line is parsed to', () => {
  const shared = { flags: {}, configFile: undefined, envFile: undefined }
  const ingest = { ...shared, exports: [], originals: undefined, dryRun: false, json: false }
  const cases: { line: string; verb: string; options: object }[] = [
    { line: 'ingest a b', verb: 'ingest', options: { ...ingest, exports: ['a', 'b'] } },
    {
      line: 'ingest --originals d -o lib --parallel-exports 4 -w 3',
      verb: 'ingest',
      options: { ...ingest, originals: 'd', flags: { output: 'lib', parallelExports: '4', workers: '3' } },
    },
    {
      line: 'ingest a --processor google --metadata sidecar --zone Europe/Rome --state s --dry-run --json -v --no-color',
      verb: 'ingest',
      options: {
        ...ingest,
        exports: ['a'],
        dryRun: true,
        json: true,
        flags: {
          processor: 'google',
          metadata: 'sidecar',
          zone: 'Europe/Rome',
          state: 's',
          verbose: true,
          color: 'never',
        },
      },
    },
    {
      line: 'ingest a --config c.yaml --env-file e.env --log-level debug --log-file l',
      verb: 'ingest',
      options: {
        exports: ['a'],
        originals: undefined,
        dryRun: false,
        json: false,
        configFile: 'c.yaml',
        envFile: 'e.env',
        flags: { logLevel: 'debug', logFile: 'l' },
      },
    },
    { line: 'report lib --json', verb: 'report', options: { ...shared, library: 'lib', json: true } },
    {
      line: 'check lib a b',
      verb: 'check',
      options: { ...shared, library: 'lib', exports: ['a', 'b'], json: false },
    },
    {
      line: 'upload lib --only a --only b --dry-run --insecure',
      verb: 'upload',
      options: {
        flags: { insecure: true },
        configFile: undefined,
        envFile: undefined,
        library: 'lib',
        only: ['a', 'b'],
        recheck: false,
        dryRun: true,
        json: false,
      },
    },
    {
      line: 'thumbs a b -o d --sizes 512,128 --quality 70 --mozjpeg -w 3 --thumb-timeout 5s --retry-failed',
      verb: 'thumbs',
      options: {
        configFile: undefined,
        envFile: undefined,
        flags: {
          thumbSizes: '512,128',
          thumbQuality: '70',
          thumbMozjpeg: true,
          thumbTimeout: '5s',
          workers: '3',
        },
        paths: ['a', 'b'],
        output: 'd',
        retryFailed: true,
        json: false,
      },
    },
    {
      line: 'autotag undo 2026-11-22T09-15-00Z-4f2a --rule dates --immich-url http://nas.local:2283 --json',
      verb: 'autotag',
      options: {
        ...shared,
        flags: { immichUrl: 'http://nas.local:2283' },
        verb: 'undo',
        subject: '2026-11-22T09-15-00Z-4f2a',
        own: { rule: 'dates', immichUrl: 'http://nas.local:2283', json: true, color: true },
        json: true,
      },
    },
    {
      line: 'immich check --immich-url http://nas.local:2283',
      verb: 'immichCheck',
      options: { ...shared, flags: { immichUrl: 'http://nas.local:2283' }, json: false },
    },
    { line: 'list-processors', verb: 'listProcessors', options: { ...shared, json: false } },
    { line: 'doctor', verb: 'doctor', options: { ...shared, library: undefined, json: false } },
    { line: 'config show --json', verb: 'configShow', options: { ...shared, json: true } },
  ]
  for (const { line, verb, options } of cases) {
    test(line, async () => {
      const taken: [string, unknown][] = []
      const note = (name: string) => async (parsed: unknown) => {
        taken.push([name, parsed])
      }
      const program = buildProgram(memoryIo(), {
        ingest: note('ingest'),
        listProcessors: note('listProcessors'),
        report: note('report'),
        check: note('check'),
        upload: note('upload'),
        thumbs: note('thumbs'),
        autotag: note('autotag'),
        serve: note('serve'),
        worker: note('worker'),
        immichCheck: note('immichCheck'),
        queue: note('queue'),
        doctor: note('doctor'),
        configShow: note('configShow'),
        completion: note('completion'),
      })
      await program.parseAsync(line.split(' '), { from: 'user' })
      assert.deepEqual(taken, [[verb, options]])
    })
  }
})

describe('usage errors leave with 2 and say what to do', () => {
  const cases: { line: string; err: RegExp }[] = [
    { line: '', err: /^Usage: heirloom/u },
    { line: 'ingset a', err: /unknown command 'ingset'\n\(Did you mean ingest\?\)/u },
    { line: 'ingest Takeout --paralel-exports 2', err: /Did you mean --parallel-exports\?/u },
    { line: 'ingest Takeout --workers', err: /argument missing/u },
    { line: 'ingest', err: /error: no export given\nName a folder or archive/u },
    { line: 'ingest Takeout --originals all', err: /exclude each other/u },
    {
      line: 'ingest Takeuot Othr',
      err: /Takeuot, did you mean Takeout\?\nerror: .*Othr, did you mean Other\?/u,
    },
    { line: 'ingest Takeout --zone Mars/Base -w 0', err: /error: --workers.*\nerror: --zone/su },
    {
      line: 'ingest Takeout --processor gogle',
      err: /no processor is called gogle.*\nThere are: Google Photos, Folder/u,
    },
    { line: 'ingest Takeout -o Takeout/library', err: /lies inside the export/u },
    {
      line: 'ingest Takeout -o Outer/inner',
      err: /lies inside the library .*Outer\nTake the exports into that one \(--output .*Outer\)/u,
    },
    { line: 'ingest Takeout -o bad.yaml', err: /bad\.yaml is not a folder/u },
    {
      line: 'ingest Takeout -o bad.yaml/deep/lib',
      err: /cannot be made: .*bad\.yaml is not a folder\nChoose/u,
    },
    { line: 'ingest Takeout --log-file no/where/log', err: /cannot be written \(ENOENT\)/u },
    {
      line: 'ingest Takeout --config bad.yaml',
      err: /expected embed or sidecar.*\nerror: .*did you mean workers\?/su,
    },
    { line: 'report', err: /missing required argument 'library'/u },
    { line: 'report Photoz', err: /did you mean Photos\?/u },
    { line: 'check Photos nothere', err: /no such file or folder: nothere/u },
    { line: 'config show --config bad.yaml', err: /unknown key workerz/u },
  ]
  for (const { line, err } of cases) {
    test(line === '' ? 'no command' : line, async () => {
      const result = await run(line)
      assert.equal(result.code, 2)
      assert.match(result.err, err)
      assert.deepEqual(result.calls, [])
    })
  }
})

describe('the verbs of queue', () => {
  const nothing = async (): Promise<void> => undefined
  const runners = new Proxy({}, { get: () => nothing }) as Runners
  const verbsFor = (argv?: readonly string[]): number => {
    const queue = buildProgram(memoryIo(), runners, argv).commands.find((one) => one.name() === 'queue')
    return queue?.commands.length ?? -1
  }

  test('are left out of a line that has no use for them', () => {
    assert.equal(verbsFor(['ingest', 'Takeout']), 0)
    assert.ok(verbsFor(['queue', 'top']) > 5)
    assert.ok(verbsFor() > 5)
  })

  for (const line of ['help queue', 'queue --help', 'queue help']) {
    test(`are shown by ${line}`, async () => {
      const { code, out } = await run(line)
      assert.equal(code, 0)
      assert.match(out, /\n {2}drain \[options\] <queue>/u)
    })
  }
})

describe('the other commands', () => {
  const notSafe = checkSummary({
    exports: [
      {
        name: 'Takeout',
        filesFound: 10,
        safe: 4,
        sidecars: 5,
        notKept: 0,
        notKeptFiles: [],
        unsafe: 1,
        deletable: false,
      },
    ],
    problems: [{ path: 'a.jpg', code: 'check/missing', message: 'not in the library', export: 'Takeout' }],
    problemCount: 1,
  })
  const withDocuments = checkSummary({
    exports: [
      {
        name: 'Takeout',
        filesFound: 12,
        safe: 4,
        sidecars: 1,
        notKept: 7,
        notKeptFiles: Array.from({ length: 7 }, (_, index) => ({
          path: `tax/${index}.pdf`,
          reason: 'a document',
        })),
        unsafe: 0,
        deletable: true,
      },
    ],
  })
  const cases: { line: string; services?: Partial<Services>; code: number; out: RegExp }[] = [
    { line: '--version', code: 0, out: /^\d+\.\d+\.\d+\n$/u },
    { line: '--help', code: 0, out: /Start here:\n.*heirloom ingest/su },
    {
      line: 'list-processors',
      code: 0,
      out: /^NAME .*\nGoogle Photos {2}photos +60\nFolder .*\n2 in all\n$/u,
    },
    { line: 'list-processors --json', code: 0, out: /^\[\{"name":"Google Photos".*\]\n$/u },
    {
      line: 'report Photos',
      code: 0,
      out: /Takeout +10 .*Report: {2}\/photos\/report-1\.html\n {9}\/photos\/report-1\.json/su,
    },
    { line: 'report Photos --json', code: 0, out: /^\{"exports":\[\{"name":"Takeout"\}\]\}\n$/u },
    {
      line: 'check Photos Takeout',
      code: 0,
      out: /^Library: 4 files, 5\.0 kB re-read: all as committed\nTakeout: 10 files: 5 safe, 5 sidecars, 0 not kept, 0 not in the library\n {2}safe to delete\n$/u,
    },
    {
      line: 'check Photos Takeout',
      services: { checkLibrary: async () => notSafe },
      code: 1,
      out: /1 not in the library\n {2}do NOT delete\n\n1 problem:\n {2}a\.jpg: not in the library\n$/u,
    },
    {
      line: 'check Photos Takeout',
      services: { checkLibrary: async () => withDocuments },
      code: 0,
      out: /7 not kept, .*\n {2}every photo and video is safe; 7 other files are not in the library: .*\n {2}documents and other files that are not kept: 7\n {4}tax\/0\.pdf: a document\n( {4}tax.*\n){4} {4}… and 2 more\n$/u,
    },
    {
      line: 'check Photos',
      services: { checkLibrary: async () => checkSummary({ status: 'interrupted' }) },
      code: 130,
      out: /Interrupted: not everything was checked/u,
    },
    { line: 'config show', code: 0, out: /^KEY .*\noutput +\S+\/library +default\n/u },
  ]
  for (const { line, services, code, out } of cases) {
    test(`${line} → ${code}`, async () => {
      const result = await run(line, services)
      assert.match(result.out, out)
      assert.equal(result.code, code)
      assert.equal(result.err, '')
    })
  }

  for (const verb of ['ingest', 'report', 'check', 'list-processors', 'doctor', 'config', 'config show']) {
    test(`${verb} --help has examples`, async () => {
      const { code, out } = await run(`${verb} --help`)
      assert.equal(code, 0)
      assert.match(out, /\nExamples:\n {2}\$ heirloom /u)
    })
  }

  test('doctor finds what this project needs, and leaves nothing behind', async () => {
    const { code, out } = await run('doctor Photos --json')
    const { ok, findings } = JSON.parse(out)
    const states = new Map(findings.map(({ name, state }: { name: string; state: string }) => [name, state]))
    for (const name of ['node', 'node:sqlite', 'exiftool', 'library'])
      assert.equal(states.get(name), 'ok', name)
    assert.deepEqual([code, ok], [0, true])
    assert.equal(existsSync(join(cwd, 'library')), false)
  })

  test('doctor leaves with 1 when a setting is wrong', async () => {
    const { code, out } = await run('doctor --config bad.yaml')
    assert.equal(code, 1)
    assert.match(out, /FAIL {2}settings +metadata in bad\.yaml: expected embed or sidecar/u)
  })
})
