import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { FailureLimit } from './failure-limit.ts'

function failing(address: string, times: number): { clock: FakeClock; limit: FailureLimit } {
  const clock = new FakeClock()
  const limit = new FailureLimit(clock)
  for (let time = 0; time < times; time++) limit.note(address)
  return { clock, limit }
}

describe('FailureLimit', () => {
  test('a person may mistype', () => {
    assert.equal(failing('192.168.1.2', 9).limit.waitOf('192.168.1.2'), undefined)
  })
  test('after ten failures an address waits, and others do not', () => {
    const { limit } = failing('192.168.1.2', 10)
    assert.equal(limit.waitOf('192.168.1.2'), 60)
    assert.equal(limit.waitOf('192.168.1.3'), undefined)
  })
  test('a minute later it may try again', () => {
    const { clock, limit } = failing('192.168.1.2', 10)
    clock.advance(30_000)
    assert.equal(limit.waitOf('192.168.1.2'), 30)
    clock.advance(30_001)
    assert.equal(limit.waitOf('192.168.1.2'), undefined)
  })
  test('all addresses of an IPv6 network are one', () => {
    const { limit } = failing('2001:db8:1:2::1', 10)
    assert.equal(limit.waitOf('2001:db8:1:2:ffff:0:0:9'), 60)
    assert.equal(limit.waitOf('2001:db8:1:3::1'), undefined)
  })
  test('an IPv4 address is the same in the clothes of IPv6', () => {
    assert.equal(failing('::ffff:10.0.0.1', 10).limit.waitOf('10.0.0.1'), 60)
  })
  test('memory is bounded: of very many addresses the oldest are forgotten', () => {
    const { limit } = failing('10.0.0.1', 10)
    for (let n = 0; n < 10_000; n++) limit.note(`10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}.x`)
    assert.equal(limit.waitOf('10.0.0.1'), undefined)
  })
})
