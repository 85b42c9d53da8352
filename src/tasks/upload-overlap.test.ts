import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runOverlap } from '../../test/support/overlap-run.ts'

test('the first export is processed first, its upload starts at once, and the line does not idle', async (t) => {
  const { units, processedAt, firstUploadAt, idleUnits, filesOnServer } = await runOverlap({
    unitMs: 200,
    isRanked: true,
  })
  t.diagnostic(
    `${units.toFixed(1)} units, first upload after ${firstUploadAt.toFixed(1)}, idle ${idleUnits.toFixed(1)}`,
  )
  assert.equal(filesOnServer, 80)
  assert.deepEqual(
    processedAt,
    processedAt.toSorted((a, b) => a - b),
  )
  // Side by side, all four would be processed after 10 units, and only then the first upload begin: 30 in all. The
  // bounds are wide because commits to disk take a good part of such short units.
  assert.ok(firstUploadAt < 5, `first upload after ${firstUploadAt} units`)
  assert.ok(idleUnits < 4, `idle for ${idleUnits} units`)
  assert.ok(units < 30, `${units} units`)
})
