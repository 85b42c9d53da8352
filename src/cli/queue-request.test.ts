import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseQueueRequest, type QueueRequest, type QueueVerb } from './queue-request.ts'
import { UsageError } from './usage-error.ts'

interface Case {
  readonly fact: string
  readonly verb: QueueVerb
  readonly names?: readonly string[]
  readonly flags?: Readonly<Record<string, unknown>>
}

describe('parseQueueRequest', () => {
  const good: (Case & { readonly is: QueueRequest })[] = [
    { fact: 'status needs nothing', verb: 'status', is: { verb: 'status' } },
    {
      fact: 'list has its defaults',
      verb: 'list',
      is: { verb: 'list', where: {}, newestFirst: false, limit: 20 },
    },
    {
      fact: 'list narrows by every flag',
      verb: 'list',
      flags: { lane: 'item', kind: 'k', status: 'Failed', error: 'queue/timeout', limit: '3', newest: true },
      is: {
        verb: 'list',
        where: { lane: 'item', kind: 'k', status: 'failed', errorCode: 'queue/timeout' },
        newestFirst: true,
        limit: 3,
      },
    },
    { fact: 'show takes one id', verb: 'show', names: ['7'], is: { verb: 'show', id: 7 } },
    {
      fact: 'an id that is named twice counts once',
      verb: 'cancel',
      names: ['7', '8', '7'],
      is: { verb: 'cancel', ids: [7, 8], where: {} },
    },
    {
      fact: 'cancel takes all of a lane and kind',
      verb: 'cancel',
      flags: { all: true, lane: 'mail', kind: 'k' },
      is: { verb: 'cancel', ids: [], where: { lane: 'mail', kind: 'k' } },
    },
    {
      fact: 'retry takes all that failed with an error',
      verb: 'retry',
      flags: { failed: true, error: 'system/ENOSPC' },
      is: { verb: 'retry', ids: [], where: { errorCode: 'system/ENOSPC' } },
    },
    {
      fact: 'a lane may have any name',
      verb: 'pause',
      names: ['item', '7'],
      is: { verb: 'pause', lanes: ['item', '7'] },
    },
    {
      fact: 'drain waits for ever unless told otherwise',
      verb: 'drain',
      flags: { lane: 'item' },
      is: { verb: 'drain', lane: 'item' },
    },
    {
      fact: 'a timeout has a unit',
      verb: 'drain',
      flags: { timeout: '10m' },
      is: { verb: 'drain', timeoutMs: 600_000 },
    },
    {
      fact: 'prune leaves failed tasks',
      verb: 'prune',
      flags: { olderThan: '7d' },
      is: { verb: 'prune', olderThanMs: 604_800_000, where: {}, statuses: ['completed', 'cancelled'] },
    },
    {
      fact: 'prune takes failed ones when told to',
      verb: 'prune',
      flags: { olderThan: '0s', status: 'failed', lane: 'a' },
      is: { verb: 'prune', olderThanMs: 0, where: { lane: 'a' }, statuses: ['failed'] },
    },
    { fact: 'top looks each second', verb: 'top', is: { verb: 'top', intervalMs: 1_000 } },
    {
      fact: 'top may end by itself',
      verb: 'top',
      flags: { interval: '250ms', count: '2' },
      is: { verb: 'top', intervalMs: 250, count: 2 },
    },
  ]
  for (const { fact, verb, names = [], flags = {}, is } of good) {
    test(fact, () => assert.deepEqual(parseQueueRequest({ verb, names, flags }), is))
  }

  const bad: (Case & { readonly problems: readonly string[] })[] = [
    {
      fact: 'an id is a number from 1 on',
      verb: 'cancel',
      names: ['0', '-3', '1e3', 'x\u001B', '7'],
      problems: [
        '"0" is no task id: a whole number from 1 on',
        '"-3" is no task id: a whole number from 1 on',
        '"1e3" is no task id: a whole number from 1 on',
        '"x\\u001b" is no task id: a whole number from 1 on',
      ],
    },
    {
      fact: 'nothing is cancelled without being named',
      verb: 'cancel',
      problems: ['no task given: name ids, or --all'],
    },
    {
      fact: 'a whole lane is cancelled only with the word for it',
      verb: 'cancel',
      flags: { lane: 'item' },
      problems: ['add --all to cancel every such task'],
    },
    {
      fact: 'ids and all exclude each other',
      verb: 'retry',
      names: ['7'],
      flags: { failed: true },
      problems: ['give ids, or --failed with flags that narrow it: not both'],
    },
    {
      fact: 'every problem is told',
      verb: 'list',
      flags: { status: 'faild', limit: '0' },
      problems: [
        '--status: expected waiting, pending, processing, retry, completed, failed, cancelled, got "faild", did you mean failed?',
        '--limit: expected a whole number from 1 to 10000, got "0"',
      ],
    },
    {
      fact: 'a number without unit is no duration',
      verb: 'prune',
      flags: { olderThan: '7' },
      problems: ['--older-than: expected a duration such as 30s, 10m, 12h or 7d, got "7"'],
    },
    {
      fact: 'only finished tasks can be pruned',
      verb: 'prune',
      flags: { olderThan: '7d', status: 'pending' },
      problems: ['--status: expected completed, failed, cancelled, got "pending"'],
    },
    {
      fact: 'top does not look without a pause',
      verb: 'top',
      flags: { interval: '1ms', count: 'x' },
      problems: ['--interval: at least 100ms', '--count: expected a whole number of at least 1, got "x"'],
    },
  ]
  for (const { fact, verb, names = [], flags = {}, problems } of bad) {
    test(fact, () => {
      assert.throws(
        () => parseQueueRequest({ verb, names, flags }),
        (error) => {
          assert.ok(error instanceof UsageError)
          assert.deepEqual(error.problems, problems)
          assert.equal(error.hint, `See: heirloom queue ${verb} --help`)
          return true
        },
      )
    })
  }
})
