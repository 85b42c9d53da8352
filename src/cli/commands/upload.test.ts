import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { UploadOptions, UploadSummary } from '../../tasks/upload-api.ts'
import { main } from '../main.ts'
import type { Services } from '../services.ts'
import { exportUpload, fakeServices, ingestSummary, memoryIo, uploadSummary } from '../testing/memory-io.ts'

const ENV = { IMMICH_INSTANCE_URL: 'http://nas.local:2283', IMMICH_API_KEY: 'verysecretkey' }

async function run(line: string, changes: Partial<Services> = {}, env: Record<string, string> = ENV) {
  const io = memoryIo({ env, cwd: '/' })
  const services = fakeServices(changes)
  const code = await main(line.split(' '), io, services)
  return { code, out: io.stdout.text(), err: io.stderr.text(), calls: services.calls }
}

describe('upload answers with', () => {
  const failed = exportUpload({
    failed: 1,
    left: 1,
    problems: [
      { path: 'a/b.jpg', code: 'immich/rejected', message: 'uploading b.jpg was rejected (400): no' },
    ],
    problemCount: 1,
  })
  const cases: { fact: string; line?: string; summary: UploadSummary; code: number; out: RegExp }[] = [
    {
      fact: 'what was sent and what was there',
      summary: uploadSummary({ exports: [exportUpload()] }),
      code: 0,
      out: /^Server: {2}http:\/\/nas\.local:2283 \(Immich 3\.1\.0\)\nUPLOAD +NEW +WERE THERE +FAILED +LEFT\nTakeout +3 +1 +0 +0\n/u,
    },
    {
      fact: 'one line when all was there',
      summary: uploadSummary({ exports: [exportUpload({ created: 0, present: 4 })] }),
      code: 0,
      out: /Nothing to upload: all 4 files were on the server already/u,
    },
    {
      fact: 'the problems, and how to go on',
      summary: uploadSummary({ exports: [failed] }),
      code: 1,
      out: /1 problem in the upload of Takeout:\n {2}a\/b\.jpg: uploading b\.jpg was rejected[\s\S]*heirloom upload \/photos/u,
    },
    {
      fact: 'a trouble of the server',
      summary: uploadSummary({
        problems: [{ code: 'upload/given-up', message: 'nothing could be sent for 1 h' }],
      }),
      code: 1,
      out: /nothing could be sent for 1 h/u,
    },
    {
      fact: 'the interruption',
      summary: uploadSummary({ status: 'interrupted' }),
      code: 130,
      out: /Interrupted/u,
    },
    {
      fact: 'the plan of a dry run',
      line: 'upload lib --dry-run',
      summary: uploadSummary({
        forecast: {
          files: 3,
          bytes: 3000,
          present: 2,
          albums: 1,
          calls: { 'POST /assets': 3, 'POST /albums': 1 },
        },
      }),
      code: 0,
      out: /To send: 3 files, 3\.0 kB\nThere: {3}2 files[\s\S]*Calls: {3}4 at most\n {2}POST \/assets +3\n[\s\S]*Dry run/u,
    },
  ]
  for (const { fact, line = 'upload lib', summary, code, out } of cases) {
    test(fact, async () => {
      const result = await run(line, { uploadLibrary: async () => summary })
      assert.equal(result.code, code)
      assert.match(result.out, out)
    })
  }

  test('the whole summary as JSON', async () => {
    const { out } = await run('upload lib --json')
    assert.deepEqual(JSON.parse(out), uploadSummary())
  })
})

test('upload is called with the library, the exports and the settings', async () => {
  const taken: UploadOptions[] = []
  const uploadLibrary: Services['uploadLibrary'] = async (options) => {
    taken.push(options)
    return uploadSummary()
  }
  await run('upload lib --only a --only b --immich-concurrency 2 --include-trashed', { uploadLibrary })
  const [options] = taken
  assert.deepEqual([options?.library, options?.only, options?.dryRun], ['/lib', ['a', 'b'], false])
  assert.deepEqual([options?.settings.concurrency, options?.settings.includeTrashed], [2, true])
})

test('upload without a server is a usage error', async () => {
  const { code, err } = await run('upload lib', {}, {})
  assert.equal(code, 2)
  assert.match(err, /no Immich server given/u)
})

test('config show does not show the key, wherever it is from', async () => {
  for (const line of ['config show', 'config show --json']) {
    const { out, err } = await run(line)
    assert.ok(!`${out}${err}`.includes('verysecretkey'))
    assert.match(out, /\*{8}/u)
  }
})

describe('ingest uploads', () => {
  const cases: { fact: string; line: string; env?: Record<string, string>; uploads: boolean }[] = [
    { fact: 'when a server is named', line: 'ingest /tmp -o /lib', uploads: true },
    { fact: 'not with --skip-upload', line: 'ingest /tmp -o /lib --skip-upload', uploads: false },
    { fact: 'not in a dry run', line: 'ingest /tmp -o /lib --dry-run', uploads: false },
    { fact: 'not without a server', line: 'ingest /tmp -o /lib', env: {}, uploads: false },
  ]
  for (const { fact, line, env = ENV, uploads } of cases) {
    test(fact, async () => {
      const { calls, err } = await run(line, {}, env)
      assert.equal(calls.length, 1, err)
      assert.equal(calls[0]?.upload !== undefined, uploads)
    })
  }

  test('and a failed upload makes the exit code 1 though every file is in the library', async () => {
    const upload = uploadSummary({ exports: [exportUpload({ left: 2 })] })
    const { code, out } = await run('ingest /tmp -o /lib', { ingest: async () => ingestSummary({ upload }) })
    assert.equal(code, 1)
    assert.match(out, /UPLOAD[\s\S]*Not everything is on the server/u)
  })
})

describe('immich check', () => {
  test('shows what it found, and fails when uploads cannot work', async () => {
    const checkServer: Services['checkServer'] = async ({ address }) => ({
      address,
      ok: false,
      findings: [
        { name: 'server', state: 'ok', detail: 'Immich 3.1.0' },
        { name: 'permissions', state: 'fail', detail: 'missing: asset.upload', hint: 'Edit the key.' },
      ],
    })
    const { code, out } = await run('immich check', { checkServer })
    assert.equal(code, 1)
    assert.match(out, /ok {4}server[\s\S]*FAIL {2}permissions {2}missing: asset\.upload\n +Edit the key\./u)
  })
})
