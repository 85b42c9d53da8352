import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const DEMO = fileURLToPath(new URL('demo.ts', import.meta.url))

test('the demo ends well, shows a photo with its caption, and its command removes everything', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-demo-test-'))
  try {
    const child = spawn(process.execPath, [DEMO], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    assert.equal(await exited, 0, errors)
    assert.match(output, /^ {2}caption +– +Grüße vom Wörthersee/m)
    assert.match(output, /^ {2}taken +2019:07:21 08:00:00 +2019:07:21 08:00:00\+02:00$/m)
    const made = /^ {2}rm -r (\S+)$/m.exec(output)?.[1] ?? ''
    assert.ok(made.startsWith(join(folder, 'heirloom-demo-')), made)
    await access(join(made, 'library', 'report-latest.html'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
