import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import {
  isProvablyDead,
  type ProcessIdentity,
  parseProcessStatus,
  processIdentity,
} from './process-identity.ts'

const hasProc = existsSync('/proc/self/stat')

describe('isProvablyDead', () => {
  test('this process and its parent are alive', () => {
    const { processStart: _own, ...identity } = processIdentity()
    assert.equal(isProvablyDead(processIdentity()), false)
    assert.equal(isProvablyDead({ ...identity, pid: process.ppid }), false)
  })

  test('a process that has ended is dead, in its own space only', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const identity = { ...processIdentity(), pid }
    assert.equal(isProvablyDead(identity), true)
    assert.equal(isProvablyDead({ ...identity, space: `${identity.space} other` }), false)
  })

  test('a process that was killed is dead as soon as it is', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await once(child, 'spawn')
    const identity = { space: processIdentity().space, pid: child.pid ?? 0 }
    assert.equal(isProvablyDead(identity), false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(isProvablyDead(identity), true)
  })

  test('a process id that was given again tells another start', { skip: !hasProc && 'no /proc' }, () => {
    assert.equal(isProvablyDead({ ...processIdentity(), processStart: '1' }), true)
  })

  test('what is not a process id is not judged', () => {
    for (const pid of [0, -1, Number.NaN, 1.5]) {
      assert.equal(isProvablyDead({ space: processIdentity().space, pid }), false)
    }
  })
})

test('a /proc of another process namespace is not asked', (t) => {
  const code = `const { processIdentity } = await import('${new URL('./process-identity.ts', import.meta.url)}')
    console.log(JSON.stringify(processIdentity()))`
  const node = [process.execPath, '--input-type=module', '--eval', code]
  const { status, stdout } = spawnSync('unshare', ['--pid', '--fork', ...node], { encoding: 'utf8' })
  if (status !== 0) return t.skip('no right to make a process namespace')
  const identity = JSON.parse(stdout) as ProcessIdentity
  assert.deepEqual([identity.pid, identity.processStart], [1, undefined])
  return undefined
})

describe('parseProcessStatus', () => {
  const stat = (name: string, state: string, threads: number) =>
    `7 (${name}) ${state} 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 ${threads} 0 123456 99 98`

  test('a name with spaces and parentheses shifts nothing', () => {
    assert.deepEqual(parseProcessStatus(stat('a) Z (b', 'S', 11)), {
      processStart: '123456',
      isZombie: false,
    })
  })

  test('a zombie is one only when no thread of it is left', () => {
    assert.equal(parseProcessStatus(stat('node', 'Z', 1))?.isZombie, true)
    assert.equal(parseProcessStatus(stat('node', 'Z', 11))?.isZombie, false)
  })

  test('what is cut off says nothing', () => {
    assert.equal(parseProcessStatus('7 (node) S 1'), undefined)
    assert.equal(parseProcessStatus(''), undefined)
  })
})
