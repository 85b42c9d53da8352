import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { BodyGarbage } from './body-garbage.ts'

const MIB = 1024 * 1024

describe('BodyGarbage', () => {
  test('collects once for every six megabytes, of the young space only', () => {
    const collected: unknown[] = []
    const garbage = new BodyGarbage((options) => collected.push(options))
    for (let n = 0; n < 5; n++) garbage.see(MIB)
    assert.deepEqual(collected, [])
    garbage.see(MIB)
    assert.deepEqual(collected, [{ type: 'minor' }])
    for (let n = 0; n < 12; n++) garbage.see(MIB)
    assert.equal(collected.length, 3)
  })

  test('passes all chunks on, and ends the source when its reader does', async () => {
    let seen = 0
    const garbage = new BodyGarbage(() => {
      seen += 1
    })
    const chunks = [Buffer.alloc(4 * MIB, 1), Buffer.alloc(4 * MIB, 2), Buffer.from('end')]
    const passed: Uint8Array[] = []
    for await (const chunk of garbage.watch(Readable.from(chunks))) passed.push(chunk)
    assert.deepEqual(passed, chunks)
    assert.equal(seen, 1)

    const left = Readable.from(chunks)
    for await (const _ of garbage.watch(left)) break
    assert.equal(left.destroyed, true)
  })

  test('frees what lies outside of the heap by itself', async () => {
    const garbage = new BodyGarbage()
    const before = process.memoryUsage().arrayBuffers
    const bytes = 256 * MIB
    let most = 0
    for (let sent = 0; sent < bytes; sent += 64 * 1024) {
      garbage.see(Buffer.allocUnsafeSlow(64 * 1024).length)
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    assert.ok(most < 32 * MIB, `${Math.round(most / MIB)} MiB at a time`)
  })
})
