import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../clock.ts'
import type { RemoteRunnerOptions } from '../queue/remote.ts'
import type { AttemptEnd, LaneRunner, RunnerHost } from '../queue/runner.ts'
import type { ClaimedTask } from '../queue/task.ts'
import { checkedLanes, type ResultCheck } from './checked-lanes.ts'

const END: AttemptEnd = { outcome: 'completed', result: 'made', durationMs: 3 }

function claimed(id: number): ClaimedTask {
  return { task: { id }, lease: { taskId: id, attempt: 1, token: 't' }, alone: false } as ClaimedTask
}

interface Trial {
  readonly runner: LaneRunner
  /** How attempts ended, for the engine. */
  readonly ends: AttemptEnd[]
  /** How often the lane beneath was told to take back what nobody has begun. */
  readonly withdrawals: () => number
  /** The lane beneath says that an attempt has ended. */
  end(task: ClaimedTask, end: AttemptEnd): void
}

function trial(check: ResultCheck): Trial {
  const ends: AttemptEnd[] = []
  let inner: RunnerHost | undefined
  let withdrawn = 0
  const beneath = {
    tasks: [],
    running: 0,
    abandon: () => undefined,
    stop: () => Promise.resolve(),
    withdraw: () => {
      withdrawn += 1
    },
  }
  const lanes = checkedLanes(
    {
      runner: ({ host }) => {
        inner = host
        return beneath as unknown as LaneRunner
      },
    },
    check,
  )
  const options: RemoteRunnerOptions = {
    lane: 'item',
    concurrency: 1,
    timeoutMs: 0,
    cancelGraceMs: 0,
    clock: systemClock,
    host: { ended: (_claimed: ClaimedTask, end: AttemptEnd) => ends.push(end) } as unknown as RunnerHost,
    onRoom: () => undefined,
  }
  return {
    runner: lanes.runner(options),
    ends,
    withdrawals: () => withdrawn,
    end: (task, end) => inner?.ended(task, end),
  }
}

describe('a checked lane', () => {
  test('keeps a task while its result is looked at, and a stop waits for it', async () => {
    const look = Promise.withResolvers<void>()
    const { runner, ends, end } = trial(() => look.promise)
    end(claimed(1), END)
    assert.deepEqual([runner.running, runner.tasks.length, ends.length], [1, 1, 0])
    const stopped = runner.stop({ graceful: true })
    look.resolve()
    await stopped
    assert.deepEqual([runner.running, ends], [0, [END]])
  })

  test('lets an attempt fail whose result is wrong', async () => {
    const { runner, ends, end } = trial(() => Promise.reject(new RangeError('cut off')))
    end(claimed(1), END)
    await runner.stop({ graceful: true })
    const error = { code: 'bug/RangeError', message: 'cut off', recovery: 'retry' }
    assert.deepEqual(ends, [{ outcome: 'error', error, durationMs: 3 }])
  })

  test('has nothing to look at where there is no result', () => {
    const { ends, end } = trial(() => Promise.reject(new Error('looked')))
    end(claimed(1), { outcome: 'released' })
    assert.deepEqual(ends, [{ outcome: 'released' }])
  })

  test('has what one machine refuses tried again: another one may do it', () => {
    const { ends, end } = trial(() => Promise.reject(new Error('looked')))
    const error = { code: 'system/ENOENT', message: 'no such file', recovery: 'discard' } as const
    end(claimed(1), { outcome: 'error', error, durationMs: 3 })
    assert.deepEqual(ends, [{ outcome: 'error', error: { ...error, recovery: 'retry' }, durationMs: 3 }])
  })

  test('settles nothing of which the lease is lost, also when it comes again', async () => {
    const looks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let looked = 0
    const { runner, ends, end } = trial(() => looks[looked++]?.promise ?? Promise.resolve())
    end(claimed(1), END)
    runner.abandon(new Set([1]))
    end(claimed(1), { ...END, result: 'again' })
    for (const look of looks) look.resolve()
    await runner.stop({ graceful: true })
    assert.deepEqual(ends, [{ ...END, result: 'again' }])
  })

  test('releases what is looked at when it has to end at once, and says so to the look', async () => {
    let told: AbortSignal | undefined
    const { runner, ends, end } = trial((_claimed, _result, signal) => {
      told = signal
      return new Promise(() => undefined)
    })
    end(claimed(1), END)
    const patient = runner.stop({ graceful: true })
    await runner.stop({ graceful: false })
    await patient
    assert.equal(told?.aborted, true)
    assert.deepEqual(ends, [{ outcome: 'released' }])
  })

  test('has what waits elsewhere taken back when the lane is paused', () => {
    const { runner, withdrawals } = trial(() => Promise.resolve())
    runner.withdraw?.()
    assert.equal(withdrawals(), 1)
  })

  test('a second stop waits as the first one does', async () => {
    const looks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let looked = 0
    const { runner, ends, end } = trial(() => looks[looked++]?.promise ?? Promise.resolve())
    for (const [index, look] of looks.entries()) {
      end(claimed(index), END)
      const stopped = runner.stop({ graceful: true }).then(() => ends.length)
      look.resolve()
      assert.equal(await stopped, index + 1)
    }
  })
})
