import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { cookieOf, openAccessGate } from './access-token.ts'

describe('the token', () => {
  let folder = ''
  const clock = new FakeClock()
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-access-'))
  })
  after(() => rm(folder, { recursive: true }))

  test('is told once, kept as a hash that only we may read, and known again', async () => {
    const first = await openAccessGate(folder, { clock, renew: false })
    const token = first.newToken ?? ''
    assert.match(token, /^[\w-]{43}$/u)
    const file = join(folder, 'server-access.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.ok(!(await readFile(file, 'utf8')).includes(token))
    const second = await openAccessGate(folder, { clock, renew: false })
    assert.equal(second.newToken, undefined)
    assert.equal(second.gate.judge({ authorization: `Bearer ${token}` }), 'in')
  })

  test('a new one ends the old one and its logins', async () => {
    const { gate } = await openAccessGate(folder, { clock, renew: false })
    const cookie = `heirloom_session=${gate.newSession().value}`
    const renewed = await openAccessGate(folder, { clock, renew: true })
    assert.notEqual(renewed.newToken, undefined)
    assert.equal(gate.judge({ cookie }), 'in')
    assert.equal(renewed.gate.judge({ cookie }), 'none')
  })

  test('a login holds over a restart, for a month', async () => {
    const { gate } = await openAccessGate(folder, { clock, renew: false })
    const { value, maxAgeS } = gate.newSession()
    const { gate: later } = await openAccessGate(folder, { clock, renew: false })
    assert.equal(later.isSession(value), true)
    clock.advance(maxAgeS * 1000 + 1)
    assert.equal(later.isSession(value), false)
  })

  test('a login cannot be made longer', async () => {
    const { gate } = await openAccessGate(folder, { clock, renew: false })
    const [until = '', signature = ''] = gate.newSession().value.split('.')
    assert.equal(gate.isSession(`${Number(until) + 1}.${signature}`), false)
    assert.equal(gate.isSession(`${until}.${signature.slice(1)}A`), false)
    assert.equal(gate.isSession(''), false)
  })

  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer wrong',
    `Bearer ${'x'.repeat(300)}`,
  ]) {
    test(`${JSON.stringify(authorization.slice(0, 20))} does not let in`, async () => {
      const { gate } = await openAccessGate(folder, { clock, renew: false })
      assert.equal(gate.judge({ authorization }), 'wrong')
    })
  }

  test('a damaged file is not replaced without being asked', async () => {
    await writeFile(join(folder, 'server-access.json'), '{"tokenHash":"00"}')
    await assert.rejects(openAccessGate(folder, { clock, renew: false }), { code: 'server/access-file' })
    assert.notEqual((await openAccessGate(folder, { clock, renew: true })).newToken, undefined)
  })
})

test('cookieOf finds one among others', () => {
  assert.equal(cookieOf('a=1; b=2=3;c', 'b'), '2=3')
  assert.equal(cookieOf('ab=1', 'b'), undefined)
  assert.equal(cookieOf(undefined, 'b'), undefined)
})
