import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemCode } from '../../errors.ts'
import { ExiftoolProcess } from './exiftool-process.ts'

/** Speaks the protocol as exiftool does, and misbehaves when told to. */
const FAKE = `
let input = ''
let args = []
process.stdin.setEncoding('utf8')
process.stdin.on('end', () => process.exit(0))
process.stdin.on('data', (chunk) => {
  const lines = (input + chunk).split('\\n')
  input = lines.pop()
  for (const line of lines) {
    const id = /^-execute(\\d+)$/.exec(line)?.[1]
    if (id === undefined) args.push(line)
    else { answer(args, id); args = [] }
  }
})
function answer([what], id) {
  if (what === 'hang') return
  if (what === 'crash') process.exit(3)
  if (what === 'flood') process.stdout.write(Buffer.alloc(40 * 1024 * 1024, 'x'))
  if (what === 'late') setTimeout(() => process.stderr.write('Warning: late\\n{ready' + id + '}\\n'), 20)
  else process.stderr.write('{ready' + id + '}\\n')
  process.stdout.write(what + ' by ' + process.pid + '\\n{ready' + id + '}\\n')
}
`

/** Waits until no process has this id, at most five seconds. */
async function waitForEnd(pid: number): Promise<void> {
  const limit = Date.now() + 5000
  while (isAlive(pid)) {
    assert.ok(Date.now() < limit, `process ${pid} is still alive`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A zombie is dead; whoever adopted it has only not asked for its exit code yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) Z /u.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch (error) {
    return systemCode(error) === 'ENOENT' && process.platform !== 'linux'
  }
}

describe('ExiftoolProcess', () => {
  let folder: string
  let fake: readonly [string, ...string[]]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-exiftool-process-'))
    const script = join(folder, 'fake.cjs')
    await writeFile(script, FAKE)
    fake = [process.execPath, script]
  })
  after(() => rm(folder, { recursive: true }))

  test('starts at the first request, keeps one process, and answers in order', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    assert.equal(exiftool.pid, undefined)
    const answers = await Promise.all(['a', 'b', 'c'].map((what) => exiftool.run([what], 5000)))
    const { pid } = exiftool
    assert.deepEqual(
      answers.map(({ stdout }) => stdout.trim()),
      [`a by ${pid}`, `b by ${pid}`, `c by ${pid}`],
    )
    await exiftool.close()
  })

  test('waits for what is said on the error output, however late', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    assert.equal((await exiftool.run(['late'], 5000)).stderr, 'Warning: late\n')
    await exiftool.close()
  })

  test('kills a process that hangs and starts another', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    await exiftool.run(['a'], 20_000)
    const first = exiftool.pid!
    await assert.rejects(exiftool.run(['hang'], 50), { code: 'media/exiftool-timeout', recovery: 'discard' })
    await waitForEnd(first)
    assert.match((await exiftool.run(['b'], 5000)).stdout, /^b by/u)
    await exiftool.close()
  })

  test('says so when the process ends, and starts another', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    const lost = exiftool.run(['crash'], 5000)
    const next = exiftool.run(['b'], 5000)
    await assert.rejects(lost, { code: 'media/exiftool-crashed', message: 'exiftool ended with exit code 3' })
    assert.match((await next).stdout, /^b by/u)
    await exiftool.close()
  })

  test('does not hold an endless answer in memory', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    await assert.rejects(exiftool.run(['flood'], 10_000), { code: 'media/exiftool-crashed' })
    await exiftool.close()
  })

  test('refuses arguments of more than one line before anything is sent', async () => {
    const exiftool = new ExiftoolProcess({ command: fake })
    for (const arg of ['a\n-execute', 'a\rb', 'a\0b']) {
      await assert.rejects(exiftool.run([arg], 5000), { code: 'media/unsafe-path' })
    }
    assert.equal(exiftool.pid, undefined)
  })

  test('names the program that is missing and what to do', async () => {
    const exiftool = new ExiftoolProcess({ command: [join(folder, 'no-such-perl')] })
    await assert.rejects(exiftool.run(['-ver'], 5000), { code: 'media/exiftool-missing', hint: /perl/u })
    await assert.rejects(exiftool.run(['-ver'], 5000), { code: 'media/exiftool-missing' })
    await exiftool.close()
  })

  test('has ended when close resolves, twice and unstarted too', async () => {
    const exiftool = new ExiftoolProcess()
    await exiftool.run(['-ver'], 10_000)
    const pid = exiftool.pid!
    await exiftool.close()
    assert.equal(isAlive(pid), false)
    await exiftool.close()
    await new ExiftoolProcess().close()
    await assert.rejects(exiftool.run(['-ver'], 5000), /after it was closed/u)
  })

  test('does not keep our process alive, and does not outlive it', async () => {
    const module = JSON.stringify(new URL('./exiftool-process.ts', import.meta.url).href)
    const ask = `const exiftool = new (await import(${module})).ExiftoolProcess()
      await exiftool.run(['-ver'], 10_000)
      console.log(exiftool.pid)`
    for (const end of ['', 'process.kill(process.pid, "SIGKILL")']) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', `${ask}\n${end}`])
      const output = (await child.stdout.toArray()).join('')
      await waitForEnd(Number(output))
      assert.ok(Number(output) > 0)
    }
  })
})
