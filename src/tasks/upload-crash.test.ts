import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DeathError, Mortality } from '../../test/support/upload-run.ts'
import {
  assertComplete,
  changingCalls,
  fake,
  fillLibrary,
  fillServer,
  run,
  setUp,
  tearDown,
} from '../../test/support/upload-scenario.ts'

beforeEach(setUp)
afterEach(tearDown)

describe('an upload whose answers get lost', () => {
  for (const route of ['POST /albums', 'POST /stacks', 'POST /assets', 'PUT /albums/*', 'PUT /assets']) {
    test(`of ${route} doubles nothing`, async () => {
      fillLibrary()
      await fillServer()
      fake.faults.add({ route, kind: 'lost-answer', times: 1 })
      await run().catch(() => undefined)
      const { differences } = await run()
      assert.deepEqual(differences, [])
      assertComplete()
    })
  }

  test('finds the album and the stack that were made, at once', async () => {
    fillLibrary()
    await fillServer()
    fake.faults.add(
      { route: 'POST /albums', kind: 'lost-answer' },
      { route: 'POST /stacks', kind: 'lost-answer' },
    )
    const { differences } = await run()
    assert.deepEqual(differences, [])
    assertComplete()
  })

  test('is told of what was not made', async () => {
    fillLibrary()
    await fillServer()
    fake.faults.add({ route: 'POST /albums', kind: 'drop', when: 'before', times: 1 })
    await assert.rejects(run(), { code: 'immich/unreachable' })
    await run()
    assertComplete()
  })
})

describe('an upload that dies', () => {
  test('after any step, before anybody knows of it, is completed by the next, with nothing doubled', async () => {
    fillLibrary()
    await fillServer()
    const whole = new Mortality()
    await run(whole)
    assert.ok(whole.steps > 50, `${whole.steps} steps`)
    for (let step = 1; step <= whole.steps; step += 1) {
      await tearDown()
      await setUp()
      fillLibrary()
      await fillServer()
      await assert.rejects(run(new Mortality(step)), DeathError)
      const { differences } = await run()
      assert.deepEqual(differences, [], `died after step ${step}`)
      assertComplete()
      // The phone's album and ours; two stacks: what was made and not known was looked for, not made again.
      const made = [fake.callsOf('POST /albums'), fake.callsOf('POST /stacks')]
      assert.deepEqual(made, [2, 2], `died after step ${step}`)
      const before = changingCalls()
      // Of every fourth only, for the time it takes.
      if (step % 4 === 0) await run()
      assert.equal(changingCalls(), before, `died after step ${step}: a third run changes something`)
    }
  })
})
