/**
 * A server in a process of its own, to be killed: prints its address.
 *
 * @module
 */

import { startTestServer } from './test-server.ts'

const [folder = ''] = process.argv.slice(2)
const { address } = await startTestServer({ folder, maxUploadBytes: 10_000_000 })
process.stdout.write(`${address}\n`)
