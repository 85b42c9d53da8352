import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UploadMeter } from './upload-meter.ts'

test('bytes that are on their way count as done until their attempt is abandoned', () => {
  const meter = new UploadMeter(0)
  meter.setPhase('a', 'sending')
  meter.addFound('a', 2, 300)
  meter.begin('a', 1)
  meter.addSent('a', 1, 150, 10)
  assert.equal(meter.exports()[0]?.bytesDone, 150)
  meter.abandon('a', 1)
  assert.equal(meter.exports()[0]?.bytesDone, 0)
})

test('a settled file counts by its size and its outcome', () => {
  const meter = new UploadMeter(0)
  meter.addFound('a', 3, 600)
  meter.begin('a', 1)
  meter.addSent('a', 1, 90, 10)
  meter.abandon('a', 1)
  meter.settle('a', 'created', 100, 20)
  meter.settle('a', 'present', 200, 30)
  meter.settle('a', 'failed', 300, 40)
  const [row] = meter.exports()
  assert.deepEqual(
    [row?.filesDone, row?.bytesDone, row?.created, row?.present, row?.failed],
    [3, 600, 1, 1, 1],
  )
  assert.equal(meter.lastProgressAt, 40)
})

test('the rate is that of the last ten seconds, over all that went over the line', () => {
  const meter = new UploadMeter(0)
  meter.addFound('a', 10, 100_000)
  meter.read(0)
  meter.addSent('a', 1, 8_000, 4_000)
  const { bytesPerSecond, etaMs } = meter.read(4_000)
  assert.equal(bytesPerSecond, 2_000)
  assert.equal(etaMs, 46_000)
  assert.equal(meter.read(20_000).bytesPerSecond, 0)
})

test('the first look tells a rate already, and only of what went over the line', () => {
  const meter = new UploadMeter(1_000)
  meter.addFound('a', 900, 9_000)
  meter.addPresent('a', 880, 8_000)
  meter.addSent('a', 1, 500, 2_000)
  meter.settle('a', 'created', 500, 2_000)
  const { filesPerSecond, bytesPerSecond } = meter.read(3_000)
  assert.deepEqual([filesPerSecond, bytesPerSecond], [0.5, 250])
})

test('there is no estimate before three seconds', () => {
  const meter = new UploadMeter(0)
  meter.addFound('a', 10, 100_000)
  meter.read(0)
  meter.addSent('a', 1, 8_000, 900)
  assert.equal(meter.read(1_000).etaMs, undefined)
})

test('trouble is told until it is over', () => {
  const meter = new UploadMeter(0)
  meter.setTrouble('waiting for the server')
  assert.equal(meter.read(1).trouble, 'waiting for the server')
  meter.setTrouble(undefined)
  assert.equal('trouble' in meter.read(2), false)
})
