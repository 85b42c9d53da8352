import { after, mock, test } from 'node:test'
import { NO_REDIS, startRedis, type TestRedis } from '../../../test/support/redis-server.ts'
import { FakeClock } from '../../clock.ts'
import { describeBackend } from '../testing/backend-conformance.ts'
import { openTestBackend } from './bullmq-backend.ts'
import type { BullmqContext } from './context.ts'

/**
 * The server measures leases and rates itself, in real time. So it is told times that are so many times too long, and the
 * clock of the tests takes away as much when it is moved: what is left of real time does not count.
 */
const SERVER_SCALE = 100_000

/** KEYS: none. ARGV: pattern, ms to take away, ms below which a key is over. */
const PASS_TIME = `
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local left = redis.call('PTTL', key) - ARGV[2]
  if left < tonumber(ARGV[3]) then redis.call('DEL', key) else redis.call('PEXPIRE', key, left) end
end
`

/** Moves the time of this process (BullMQ asks `Date`) and that of the server along. */
class SharedClock extends FakeClock {
  context: BullmqContext | undefined

  override advance(ms: number): void {
    super.advance(ms)
    mock.timers.setTime(this.now())
    // The server's own clock never goes back. Sent before whatever the test asks next, on the same connection.
    if (ms > 0) for (const kind of ['lock', 'limiter']) this.#passTime(kind, ms)
  }

  #passTime(kind: string, ms: number): void {
    const { redis, prefix } = this.context ?? {}
    redis
      ?.eval(PASS_TIME, 0, `${prefix}:*:${kind}`, ms * SERVER_SCALE, SERVER_SCALE / 2)
      .catch((error: unknown) => {
        throw error
      })
  }
}

const NO_PROGRAM =
  'BullMQ has no transactions with functions of a program: its work is Lua scripts of its own'
const NO_GROUPS = 'BullMQ counts no groups of jobs, and nothing waits for one'
const NO_KEYS = 'concurrency keys are a feature of BullMQ Pro (groups)'
const ONE_DEPENDANT = 'a job of BullMQ has one parent: of two tasks that depend on one, the second is refused'
const FIXED_WINDOW =
  'BullMQ counts in windows that begin with the first job, not in any window of that length'

const SKIPS: Readonly<Record<string, string>> = {
  'each edge says what becomes of the dependant of a failed task': ONE_DEPENDANT,
  'two failing parents end their dependant once': ONE_DEPENDANT,
  'tasks of one addition depend on each other by ref, in any order, and get ids in that of the call':
    ONE_DEPENDANT,
  'a ref may be that of an open task that answered for its dedupe key':
    'a BullMQ flow cannot have a member that deduplication answers with another job',
  'a replaced task keeps waiting for what it waited for, and frees the group that it leaves':
    'a BullMQ flow cannot have a member that deduplication answers with another job',
  'a task waits for a whole group, members added later included': NO_GROUPS,
  'a group without open tasks holds nobody back': NO_GROUPS,
  'a task that would wait for itself is refused': NO_GROUPS,
  'a replacement cannot wait, nor join a group that its task waits for': NO_GROUPS,
  'a retried task has all its attempts again, and counters and groups know': NO_GROUPS,
  'a retried dependant waits for its other dependencies and its group as well': NO_GROUPS,
  'a retried task does not wait for its own group': NO_GROUPS,
  'a fire time that can get no task is told, does not come again, and holds up no other': NO_GROUPS,
  'cancel ends what does not run, and its dependants by their rule': NO_PROGRAM,
  'a commit function runs with the completion, and its output is answered': NO_PROGRAM,
  'a commit function that throws leaves nothing, fails its attempt, and spares its neighbours': NO_PROGRAM,
  'an async commit function is refused, because its transaction is over before it ends': NO_PROGRAM,
  'what a failure function returned is answered with the settlement that failed or cancelled its task':
    NO_PROGRAM,
  'a failure function that throws leaves nothing, and the task is failed and says so': NO_PROGRAM,
  'a call that throws leaves nothing, and an unknown one names the known': NO_PROGRAM,
  'a task that completes although its end was asked for is completed': NO_PROGRAM,
  'a task whose end was asked for never runs again after: error': NO_PROGRAM,
  'a task whose end was asked for never runs again after: hopeless error': NO_PROGRAM,
  'a task whose end was asked for never runs again after: release': NO_PROGRAM,
  'a task whose end was asked for never runs again after: snooze': NO_PROGRAM,
  'a task whose end was asked for never runs again after: refused commit': NO_PROGRAM,
  'a failure function is told again when the retried task fails again': NO_PROGRAM,
  'replace takes payload and options, and keeps place and due time':
    'BullMQ keeps a job in the queue that it was added to: a replacement with another lane is a new task',
  'names that would not be told apart when stored are refused, hostile ones are names': NO_KEYS,
  'of all tasks with a key one is processing, whatever the lane; the others are passed over': NO_KEYS,
  'a free key is taken by whichever lane asks first, not kept for the oldest task': NO_KEYS,
  'two claims of one exchange do not share a key': NO_KEYS,
  'an older task with a key that becomes due goes before a younger one that was due already': NO_KEYS,
  'tasks with a key go by priority, then age, also those that come late or become due': NO_KEYS,
  'a key is given back at every kind of end': NO_KEYS,
  'when the first of a key is cancelled or replaced, the next one goes on': NO_KEYS,
  'a retry keeps its place behind a task with its key that has more priority now': NO_KEYS,
  'no window lets more claims through than the limit, whoever claims': FIXED_WINDOW,
  'a lowered limit waits for as many tokens as it takes, and one of nothing for ever': FIXED_WINDOW,
}

const redis = await startRedis()
if (redis === undefined) test('the BullMQ backend keeps the promises of a backend', { skip: NO_REDIS })
else describeConformance(redis)

function describeConformance(server: TestRedis): void {
  after(() => server.stop())
  let opened = 0
  const open = async () => {
    opened += 1
    const clock = new SharedClock()
    mock.timers.reset()
    mock.timers.enable({ apis: ['Date'], now: clock.now() })
    const { backend, context } = await openTestBackend(
      { url: server.url, prefix: `conformance-${process.pid}-${opened}`, clock },
      { stalledCheckMs: 0, serverMs: (ms) => ms * SERVER_SCALE },
    )
    clock.context = context
    return { clock, backend }
  }
  describeBackend('bullmq backend', open, { skips: SKIPS })
  after(() => mock.timers.reset())
}
