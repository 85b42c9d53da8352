/**
 * Runs the fake Immich in a process of its own, so that a benchmark can measure its client apart.
 *
 *     node test/support/fake-immich/main.ts --port 2283 --json
 *
 * Options: `--port N`, `--version 3.1.0`, `--key SECRET`, `--base-path /photos`, `--tls`, `--former-paths`, `--json`
 * (first line: `{address, key, pid}`). Ends with SIGTERM, SIGINT or `POST /fake/close`.
 *
 * @module
 */

import { parseArgs } from 'node:util'
import { startFakeImmich } from './fake-immich.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    version: { type: 'string', default: '3.1.0' },
    key: { type: 'string' },
    'base-path': { type: 'string', default: '' },
    tls: { type: 'boolean', default: false },
    'former-paths': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const fake = await startFakeImmich({
  port: Number(values.port),
  version: values.version,
  basePath: values['base-path'],
  tls: values.tls,
  formerPaths: values['former-paths'],
  control: true,
  ...(values.key === undefined ? {} : { key: values.key }),
})

const first = { address: fake.address, key: fake.key, pid: process.pid }
process.stdout.write(values.json ? `${JSON.stringify(first)}\n` : `${first.address} key ${first.key}\n`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void fake.close())
}
