/**
 * What every backend promises of schedules.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { FakeClock } from '../../../clock.ts'
import type { Schedule } from '../../backend.ts'
import type { NewTask } from '../../task.ts'
import type { Bundle } from './driver.ts'
import { test } from './promise.ts'

const TASK = { kind: 'plain', lane: 'a', payload: { x: 1 } } as const
const HOUR_MS = 3_600_000

/** The clock starts at a full minute, whatever the factory gave it. */
function schedule(given: Partial<Schedule> = {}): Schedule {
  return { name: 'tick', cron: '* * * * *', task: TASK, ...given }
}

/** Moves the clock on to an instant, or back. */
function moveTo(clock: FakeClock, instant: string): void {
  clock.advance(Date.parse(instant) - clock.now())
}

async function firedAt({ backend }: Bundle): Promise<string[]> {
  return (await backend.fireSchedules()).fired.map(({ at }) => new Date(at).toISOString())
}

export function describeSchedules(on: Bundle): void {
  describeFiring(on)
  describeMissed(on)
  describeClocks(on)
  describePutting(on)
}

function describeFiring(on: Bundle): void {
  test('a schedule adds one task for each fire time, however often it is asked', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    const { nextAt } = await on.backend.putSchedule(schedule())
    assert.equal(nextAt, Date.parse('2026-03-01T12:01:00Z'))
    assert.deepEqual(await on.backend.fireSchedules(), { fired: [], refused: [], nextAt })
    on.clock.advance(60_000)
    const reports = [await on.backend.fireSchedules(), await on.backend.fireSchedules()]
    const [first] = reports[0]?.fired ?? []
    assert.deepEqual(reports, [
      {
        fired: [{ schedule: 'tick', taskId: first?.taskId, at: nextAt }],
        refused: [],
        nextAt: nextAt + 60_000,
      },
      { fired: [], refused: [], nextAt: nextAt + 60_000 },
    ])
    const task = await on.backend.get(first?.taskId ?? 0)
    assert.deepEqual([task?.payload, task?.runAt, task?.status], [{ x: 1 }, nextAt, 'pending'])
    const [stored] = await on.backend.schedules()
    assert.deepEqual([stored?.lastAt, stored?.nextAt], [nextAt, nextAt + 60_000])
  })

  test('schedules fire in order of their time, and a removed one no more', async () => {
    moveTo(on.clock, '2026-03-01T12:00:30Z')
    await on.backend.putSchedule(schedule({ name: 'b', cron: '*/20 * * * * *' }))
    await on.backend.putSchedule(schedule({ name: 'a' }))
    await on.backend.putSchedule(schedule({ name: 'c' }))
    assert.equal(await on.backend.removeSchedule('c'), true)
    assert.equal(await on.backend.removeSchedule('c'), false)
    on.clock.advance(30_000)
    const { fired } = await on.backend.fireSchedules()
    assert.deepEqual(
      fired.map(({ schedule: name }) => name),
      ['b', 'a'],
    )
    assert.deepEqual(
      (await on.backend.schedules()).map(({ name }) => name),
      ['a', 'b'],
    )
  })

  test('a fire time that can get no task is told, does not come again, and holds up no other', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.add([{ ...TASK, group: 'g' }])
    const task = { ...TASK, group: 'g', afterGroup: 'g' }
    await on.backend.putSchedule(schedule({ name: 'a stuck one', task }))
    await on.backend.putSchedule(schedule())
    on.clock.advance(60_000)
    const { fired, refused, nextAt } = await on.backend.fireSchedules()
    assert.deepEqual(
      refused.map(({ schedule: name, error }) => [name, error.code]),
      [['a stuck one', 'queue/wait-cycle']],
    )
    assert.equal(fired.length, 1)
    assert.equal(nextAt, Date.parse('2026-03-01T12:02:00Z'))
  })

  test('a schedule that never fires again has no next time', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    const stored = await on.backend.putSchedule(schedule({ cron: '0 0 30 2 *' }))
    assert.equal('nextAt' in stored, false)
    assert.deepEqual(await on.backend.fireSchedules(), { fired: [], refused: [] })
  })
}

function describeMissed(on: Bundle): void {
  test('"once" adds one task for all fire times that were missed', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '0 * * * *' }))
    on.clock.advance(5.5 * HOUR_MS)
    assert.deepEqual(await firedAt(on), ['2026-03-01T17:00:00.000Z'])
    on.clock.advance(HOUR_MS / 2)
    assert.deepEqual(await firedAt(on), ['2026-03-01T18:00:00.000Z'])
  })

  test('"skip" adds none for those that were missed, and one for the time that has just come', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '0 * * * *', onMissed: 'skip' }))
    on.clock.advance(5.5 * HOUR_MS)
    assert.deepEqual(await firedAt(on), [])
    on.clock.advance(HOUR_MS / 2 + 2_000)
    assert.deepEqual(await firedAt(on), ['2026-03-01T18:00:00.000Z'])
  })

  test('"all" adds one for each, a thousand at a time, and says that more are due', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '* * * * * *', onMissed: 'all' }))
    on.clock.advance(1_005_000)
    const lengths = []
    for (let report = await on.backend.fireSchedules(); report.fired.length > 0; ) {
      lengths.push(report.fired.length)
      assert.equal((report.nextAt ?? 0) <= on.clock.now(), report.fired.length === 1_000)
      report = await on.backend.fireSchedules()
    }
    assert.deepEqual(lengths, [1_000, 5])
    assert.equal((await on.backend.counts('a')).pending, 1_005)
  })

  test('years of missed seconds are found at once', async () => {
    moveTo(on.clock, '2020-01-01T00:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '* * * * * *', timeZone: 'Europe/Berlin' }))
    moveTo(on.clock, '2026-03-01T12:00:00.700Z')
    assert.deepEqual(await firedAt(on), ['2026-03-01T12:00:00.000Z'])
  })
}

function describeClocks(on: Bundle): void {
  test('a clock that is set back makes no fire time come twice', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.putSchedule(schedule())
    on.clock.advance(61_000)
    assert.deepEqual(await firedAt(on), ['2026-03-01T12:01:00.000Z'])
    on.clock.advance(-10 * 60_000)
    assert.deepEqual(await firedAt(on), [])
    // Not even when it is put again, with another expression that has the same fire times.
    await on.backend.putSchedule(schedule({ cron: '*/1 * * * *' }))
    moveTo(on.clock, '2026-03-01T12:01:30Z')
    assert.deepEqual(await firedAt(on), [])
    on.clock.advance(30_000)
    assert.deepEqual(await firedAt(on), ['2026-03-01T12:02:00.000Z'])
  })

  test('a daily time in the hour that is left out fires when the gap ends', async () => {
    moveTo(on.clock, '2026-03-28T00:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', onMissed: 'all' }))
    moveTo(on.clock, '2026-03-31T00:00:00Z')
    assert.deepEqual(await firedAt(on), [
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
  })

  test('a daily time in the hour that comes twice fires once, the first time', async () => {
    moveTo(on.clock, '2026-10-24T12:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', onMissed: 'all' }))
    moveTo(on.clock, '2026-10-26T12:00:00Z')
    assert.deepEqual(await firedAt(on), ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
  })

  test('an hourly schedule fires each real hour when the clocks change', async () => {
    const berlin = { cron: '0 * * * *', timeZone: 'Europe/Berlin', onMissed: 'all' } as const
    moveTo(on.clock, '2026-03-28T22:00:00Z')
    await on.backend.putSchedule(schedule(berlin))
    on.clock.advance(6 * HOUR_MS)
    assert.equal((await firedAt(on)).length, 6)
    moveTo(on.clock, '2026-10-24T22:00:00Z')
    await on.backend.removeSchedule('tick')
    await on.backend.putSchedule(schedule(berlin))
    for (let hour = 0; hour < 6; hour += 1) {
      on.clock.advance(HOUR_MS)
      await on.backend.fireSchedules()
      assert.equal((await on.backend.schedules())[0]?.lastAt, on.clock.now())
    }
  })
}

function describePutting(on: Bundle): void {
  test('putting the same expression again keeps the next time, so that nothing is missed', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    const { nextAt } = await on.backend.putSchedule(schedule({ cron: '0 * * * *' }))
    moveTo(on.clock, '2026-03-01T13:30:00Z')
    const task = { ...TASK, payload: 'new' }
    assert.equal((await on.backend.putSchedule(schedule({ cron: '0 * * * *', task }))).nextAt, nextAt)
    const [fired] = (await on.backend.fireSchedules()).fired
    assert.equal((await on.backend.get(fired?.taskId ?? 0))?.payload, 'new')
  })

  test('another expression or time zone begins anew', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    await on.backend.putSchedule(schedule({ cron: '0 0 * * *' }))
    const next = async (given: Partial<Schedule>) => {
      const { nextAt = 0 } = await on.backend.putSchedule(schedule(given))
      return new Date(nextAt).toISOString()
    }
    assert.equal(await next({ cron: '30 0 * * *' }), '2026-03-02T00:30:00.000Z')
    assert.equal(await next({ cron: '30 0 * * *', timeZone: 'Europe/Berlin' }), '2026-03-01T23:30:00.000Z')
    assert.equal((await on.backend.schedules()).length, 1)
  })

  test('what is stored is what was put, with its defaults', async () => {
    moveTo(on.clock, '2026-03-01T12:00:00Z')
    const stored = await on.backend.putSchedule(schedule({ task: { ...TASK, priority: 3, maxRetries: 0 } }))
    assert.deepEqual(stored, {
      name: 'tick',
      cron: '* * * * *',
      timeZone: 'UTC',
      onMissed: 'once',
      task: { ...TASK, priority: 3, maxRetries: 0 },
      nextAt: Date.parse('2026-03-01T12:01:00Z'),
    })
    assert.deepEqual(await on.backend.schedules(), [stored])
  })

  test('a schedule that cannot be used is refused, and the old one stays', async () => {
    await on.backend.putSchedule(schedule())
    const bad: readonly (readonly [Partial<Schedule>, RegExp])[] = [
      [{ cron: '61 * * * *' }, /"61 \* \* \* \*" is not a cron expression/u],
      [{ cron: 'every day' }, /"every day" is not a cron expression/u],
      [{ cron: '2026-01-01T00:00:00' }, /is not a cron expression/u],
      [{ cron: '* * * * * * *' }, /is not a cron expression/u],
      [{ timeZone: 'Europe/Nowhere' }, /Europe\/Nowhere/u],
      [{ name: '' }, /is not a name/u],
      [{ name: 'half \ud800' }, /is not a name/u],
      [{ task: null as never }, /is not one/u],
      [{ onMissed: 'never' as 'skip' }, /onMissed/u],
      [{ task: { ...TASK, dedupeKey: 'k' } as NewTask }, /cannot have dedupeKey/u],
    ]
    for (const [field, message] of bad) {
      await assert.rejects(on.backend.putSchedule(schedule(field)), {
        code: 'queue/invalid-schedule',
        message,
      })
    }
    for (const field of [{ kind: '' }, { payload: 5n }]) {
      await assert.rejects(on.backend.putSchedule(schedule({ task: { ...TASK, ...field } })), {
        code: 'queue/invalid-task',
      })
    }
    assert.deepEqual(
      (await on.backend.schedules()).map(({ cron }) => cron),
      ['* * * * *'],
    )
  })
}
