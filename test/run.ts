/**
 * `npm test`: all tests, or those that are named, each file in a process of its own.
 *
 * The processes share a cache of compiled code: without it every one of them compiles the same modules again, which is
 * about a quarter of the processor time of the whole run (2026-11).
 *
 *     npm test
 *     npm test -- src/queue/retry.test.ts
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../node_modules/.cache/heirloom-tests', import.meta.url))
const ALL = ['src/**/*.test.ts', 'test/**/*.test.ts']

const given = process.argv.slice(2)
const namesFiles = given.some((argument) => argument.endsWith('.ts'))
const options = ['--test', '--test-concurrency=3', '--test-reporter=spec']
const child = spawn(process.execPath, [...options, ...given, ...(namesFiles ? [] : ALL)], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: CACHE },
})
// Ctrl-C reaches the child as well, which then ends by itself.
process.on('SIGINT', () => undefined)
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
