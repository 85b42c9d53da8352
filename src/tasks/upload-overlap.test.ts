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
  // Side by side, the first upload would begin when all four are processed. Bounds in units would be those of an idle
  // machine: `npm run bench -- upload-overlap` has them.
  const [, secondProcessedAt = 0] = processedAt
  assert.ok(firstUploadAt < secondProcessedAt, `first upload after ${firstUploadAt} units`)
  assert.ok(idleUnits < units / 4, `idle for ${idleUnits} of ${units} units`)
})
