/**
 * `thumbs` and `ingest` with their own workers, and with a worker host on the same machine that has as many.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Run, runNode } from '../measure.ts'

const HEIRLOOM = fileURLToPath(new URL('../../bin/heirloom.js', import.meta.url))

/** Runs `heirloom` with the worker host there already, as it is where there are many runs. */
export async function runRemotely(
  args: readonly string[],
  { port, lanes, root }: { readonly port: number; readonly lanes: string; readonly root: string },
): Promise<Run> {
  const redis = ['--redis', `redis://127.0.0.1:${port}`]
  const host = spawn(
    process.execPath,
    [HEIRLOOM, 'worker', ...redis, '--lanes', lanes, '--map', root, '--json'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  try {
    await isConnected(host.stderr)
    return await runNode([HEIRLOOM, ...args, ...redis])
  } finally {
    host.kill('SIGTERM')
    await once(host, 'exit')
  }
}

export function runEmbedded(args: readonly string[]): Promise<Run> {
  return runNode([HEIRLOOM, ...args])
}

async function isConnected(stderr: NodeJS.ReadableStream): Promise<void> {
  const lines: string[] = []
  const reading = createInterface({ input: stderr })
  for await (const line of reading) {
    lines.push(line)
    if (/"isConnected":true/u.test(line)) {
      stderr.resume()
      return
    }
  }
  throw new Error(`worker host ended:\n${lines.join('\n')}`)
}
