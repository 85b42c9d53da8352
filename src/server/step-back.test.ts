import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { constants, getPriority } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock, systemClock } from '../clock.ts'
import { stepBack } from './step-back.ts'

const BELOW_NORMAL = constants.priority.PRIORITY_BELOW_NORMAL

function tooSoon(): Error {
  return Object.assign(new Error('EAGAIN: write'), { code: 'EAGAIN', syscall: 'write' })
}

describe('a worker that steps back', () => {
  let child: ChildProcess
  let pid = 0
  before(async () => {
    // Leads a session, as workers do.
    child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], {
      detached: true,
      stdio: 'ignore',
    })
    await once(child, 'spawn')
    pid = child.pid ?? 0
  })
  after(() => child.kill('SIGKILL'))

  test('gets a lower priority, and so does its group where there are such', async (t) => {
    stepBack(pid, systemClock)
    assert.equal(getPriority(pid), BELOW_NORMAL)
    const file = `/proc/${pid}/autogroup`
    if (!existsSync(file)) return t.diagnostic('this system groups no processes')
    const until = performance.now() + 10_000
    while (!readFileSync(file, 'utf8').includes(`nice ${BELOW_NORMAL}`)) {
      assert.ok(performance.now() < until, 'its group stayed as it was')
      await nextTurn()
    }
  })

  test('is tried again when another one has just done so', async () => {
    const clock = new FakeClock()
    const tries: number[] = []
    stepBack(pid, clock, async () => {
      tries.push(clock.now())
      if (tries.length < 3) throw tooSoon()
    })
    for (let turn = 0; turn < 10; turn++) {
      await nextTurn()
      clock.advance(150)
    }
    assert.deepEqual(
      tries.map((at) => at - (tries[0] ?? 0)),
      [0, 150, 300],
    )
  })

  test('is not tried for ever', async () => {
    const clock = new FakeClock()
    let tries = 0
    stepBack(pid, clock, async () => {
      tries += 1
      throw tooSoon()
    })
    for (let turn = 0; turn < 100; turn++) {
      await nextTurn()
      clock.advance(150)
    }
    assert.equal(tries, 51)
  })

  test('is left alone where the system does not let us', async () => {
    const clock = new FakeClock()
    let tries = 0
    stepBack(pid, clock, async () => {
      tries += 1
      throw Object.assign(new Error('EACCES: open'), { code: 'EACCES', syscall: 'open' })
    })
    for (let turn = 0; turn < 5; turn++) {
      await nextTurn()
      clock.advance(150)
    }
    assert.equal(tries, 1)
  })

  test('may have ended already', async () => {
    const ended = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    await once(ended, 'exit')
    let tries = 0
    stepBack(ended.pid ?? 0, systemClock, async () => {
      tries += 1
    })
    assert.equal(tries, 0)
  })
})
