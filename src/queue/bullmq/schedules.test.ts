import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'
import { FakeClock } from '../../clock.ts'

const clock = new FakeClock(Date.parse('2026-03-01T12:00:00Z'))
const TASK = { kind: 'plain', lane: 'a', payload: null } as const

await describeOnRedis(
  'schedules on BullMQ',
  (on) => {
    test('processes that fire at the same time add one task for each fire time', async () => {
      const others = [on, await on.another(), await on.another(), await on.another()]
      for (const name of ['x', 'y']) {
        await on.backend.putSchedule({ name, cron: '* * * * *', task: TASK, onMissed: 'all' })
      }
      clock.advance(3 * 60_000)
      const reports = await Promise.all(others.map(({ backend }) => backend.fireSchedules()))
      const fired = reports.flatMap((report) => report.fired.map(({ schedule, at }) => `${schedule} ${at}`))
      assert.equal(fired.length, 6)
      assert.equal(new Set(fired).size, 6)
      const tasks = await on.backend.list({ limit: 99 })
      assert.deepEqual(
        tasks.map(({ id }) => id),
        reports.flatMap((report) => report.fired.map(({ taskId }) => taskId)).sort((a, b) => a - b),
      )
    })

    test('a task that could not be added is refused when its schedule is put', async () => {
      const task = { ...TASK, concurrencyKey: 'k' }
      await assert.rejects(on.backend.putSchedule({ name: 'x', cron: '* * * * *', task }), {
        code: 'queue/not-supported',
      })
      assert.deepEqual(await on.backend.schedules(), [])
    })

    test('schedules that are put at the same time are all there', async () => {
      const names = Array.from({ length: 8 }, (_, index) => `schedule ${index}`)
      const cron = '0 0 1 1 *'
      await Promise.all(names.map((name) => on.backend.putSchedule({ name, cron, task: TASK })))
      assert.deepEqual(
        (await on.backend.schedules()).map(({ name }) => name),
        names,
      )
    })
  },
  clock,
)
