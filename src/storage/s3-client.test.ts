import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FAKE_CREDENTIALS, useCredentials } from '../../test/support/fake-s3/credentials.ts'
import { openS3Client } from './s3-client.ts'

/** Opens a folder and a bucket where no package of Amazon's can be found. */
const WITHOUT_PACKAGE = `
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('@aws-sdk/')) return next(specifier, context)
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    },
  })
  const { openObjectStore } = await import(process.argv[1])
  await openObjectStore({ kind: 'local', root: process.argv[2] })
  const error = await openObjectStore({ kind: 's3', bucket: 'photos', prefix: '' }).catch((thrown) => thrown)
  const { code, hint, recovery } = error
  process.stdout.write(JSON.stringify({ code, hint, recovery }))
`

test('without the optional package, folders work, and the command that installs it is told', () => {
  const root = mkdtempSync(join(tmpdir(), 'heirloom-no-s3-'))
  const module = new URL('open-object-store.ts', import.meta.url).href
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', WITHOUT_PACKAGE, module, root], {
    encoding: 'utf8',
  })
  rmSync(root, { recursive: true })
  assert.deepEqual(JSON.parse(told), {
    code: 'storage/no-s3-client',
    recovery: 'discard',
    hint: 'Run `npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner @aws-sdk/credential-provider-env`.',
  })
})

test('the region is the one that is given, or in the name of the server, or the first that there was', async () => {
  useCredentials(FAKE_CREDENTIALS)
  const cases: { region?: string; endpoint?: string; signed: string; pathStyle: boolean; host: string }[] = [
    { signed: 'us-east-1', pathStyle: false, host: 'Amazon (us-east-1)' },
    { region: 'eu-west-1', signed: 'eu-west-1', pathStyle: false, host: 'Amazon (eu-west-1)' },
    {
      endpoint: 'https://s3.eu-central-003.backblazeb2.com',
      signed: 'eu-central-003',
      pathStyle: true,
      host: 's3.eu-central-003.backblazeb2.com',
    },
    {
      endpoint: 'https://s3.eu-west-3.amazonaws.com',
      signed: 'eu-west-3',
      pathStyle: false,
      host: 's3.eu-west-3.amazonaws.com',
    },
    { endpoint: 'http://localhost:9000', signed: 'us-east-1', pathStyle: true, host: 'localhost:9000' },
    {
      region: 'auto',
      endpoint: 'https://x.r2.cloudflarestorage.com',
      signed: 'auto',
      pathStyle: true,
      host: 'x.r2.cloudflarestorage.com',
    },
  ]
  for (const { signed, pathStyle, host, ...config } of cases) {
    const sdk = await openS3Client({ kind: 's3', bucket: 'photos', prefix: '', ...config })
    assert.equal(await sdk.client.config.region(), signed)
    assert.equal(sdk.client.config.forcePathStyle ?? false, pathStyle)
    assert.equal(sdk.host, host)
    sdk.client.destroy()
  }
  useCredentials(undefined)
})
