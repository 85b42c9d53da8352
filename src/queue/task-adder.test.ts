import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Admission, QueueFullError } from './admission.ts'
import type { AddedTask, StatusCounts } from './backend.ts'
import type { NewTask } from './task.ts'
import { TaskAdder } from './task-adder.ts'

const NONE: StatusCounts = {
  waiting: 0,
  pending: 0,
  processing: 0,
  retry: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
}

/** A store that only counts, and an adder for it. `onWait` is asked when there is no room. */
function setup(queueSize: number, onWait: (finish: (count: number) => void) => boolean = () => false) {
  const store = { tasks: [] as NewTask[], open: 0, additions: [] as number[], counted: 0, full: 0 }
  const add = async (tasks: readonly NewTask[]): Promise<readonly AddedTask[]> => {
    store.additions.push(tasks.length)
    return tasks.map((task) => {
      const known =
        task.dedupeKey === undefined ? -1 : store.tasks.findIndex((one) => one.dedupeKey === task.dedupeKey)
      if (known !== -1) return { id: known + 1, added: false }
      store.open += 1
      return { id: store.tasks.push(task), added: true }
    })
  }
  const counts = async (): Promise<StatusCounts> => {
    store.counted += 1
    return { ...NONE, pending: store.open }
  }
  const adder = new TaskAdder({
    admission: new Admission({ backend: { counts }, add, queueSize }),
    queueSize,
    roomAgain: async () =>
      onWait((count) => {
        store.open -= count
      }),
    onFull: () => {
      store.full += 1
    },
  })
  return { store, adder }
}

const task = (payload: unknown, rest: Partial<NewTask> = {}): NewTask => ({
  kind: 'k',
  lane: 'default',
  payload,
  ...rest,
})
const tasks = (count: number): NewTask[] => Array.from({ length: count }, (_, index) => task(index))

describe('adding one task', () => {
  test('is refused when the queue is full, and told', async () => {
    const { store, adder } = setup(2)
    await adder.add(task(1))
    await adder.add(task(2))
    await assert.rejects(adder.add(task(3)), (error) => {
      assert.ok(error instanceof QueueFullError)
      assert.deepEqual(
        [error.code, error.message],
        ['queue/full', 'queue is full: 2 tasks may be open; 0 tasks added'],
      )
      assert.match(error.hint ?? '', /startProcessing/u)
      return true
    })
    assert.deepEqual([store.tasks.length, store.full], [2, 1])
  })

  test('many at once never exceed the limit, and those that fit are all let in', async () => {
    const { store, adder } = setup(100)
    const settled = await Promise.allSettled(tasks(150).map((one) => adder.add(one)))
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 100)
    assert.equal(store.tasks.length, 100)
  })

  test('does not ask for the count each time', async () => {
    const { store, adder } = setup(1_000)
    for (const one of tasks(200)) await adder.add(one)
    assert.ok(store.counted < 20, `counted ${store.counted} times`)
  })

  test('a task that an open one answers for takes no room', async () => {
    const { adder } = setup(2)
    for (let again = 0; again < 5; again += 1) await adder.add(task(0, { dedupeKey: 'same' }))
    assert.deepEqual(await adder.add(task(1)), { id: 2, added: true })
  })

  test('a queue without limit is never counted', async () => {
    const { store, adder } = setup(Number.POSITIVE_INFINITY)
    await adder.addAll(tasks(2_000))
    assert.deepEqual([store.tasks.length, store.counted], [2_000, 0])
  })
})

describe('adding all of a source', () => {
  test('adds in order, in few additions', async () => {
    const { store, adder } = setup(10_000)
    const ids = await adder.addAll(tasks(1_200))
    assert.deepEqual(
      ids,
      Array.from({ length: 1_200 }, (_, index) => index + 1),
    )
    assert.deepEqual(store.additions, [500, 500, 200])
  })

  test('an exact fit is no overflow', async () => {
    const { store, adder } = setup(3)
    assert.deepEqual(await adder.addAll(tasks(3)), [1, 2, 3])
    assert.equal(store.full, 0)
  })

  test('without anybody who makes room it says what was added, which stays', async () => {
    const { store, adder } = setup(3)
    await assert.rejects(adder.addAll(tasks(5)), (error) => {
      assert.ok(error instanceof QueueFullError)
      assert.deepEqual(error.added, [1, 2, 3])
      assert.match(error.message, /3 tasks added/u)
      return true
    })
    assert.equal(store.tasks.length, 3)
  })

  test('waits for room and reads no more than one task ahead of it', async () => {
    let pulled = 0
    let most = 0
    async function* source(): AsyncGenerator<NewTask> {
      for (const one of tasks(40)) {
        pulled += 1
        most = Math.max(most, pulled - added())
        yield one
      }
    }
    const { store, adder } = setup(4, (finish) => {
      finish(3)
      return true
    })
    const added = (): number => store.tasks.length
    assert.equal((await adder.addAll(source())).length, 40)
    assert.ok(most <= 5, `read ${most} ahead`)
  })

  test('the error of the source is thrown on, after what came before it was added', async () => {
    function* broken(): Generator<NewTask> {
      yield* tasks(2)
      throw new Error('disk is gone')
    }
    const { store, adder } = setup(10)
    await assert.rejects(adder.addAll(broken()), /disk is gone/u)
    assert.equal(store.tasks.length, 2)
  })

  test('the source is told to end when there is no room for it', async () => {
    let isClosed = false
    function* source(): Generator<NewTask> {
      try {
        yield* tasks(5)
      } finally {
        isClosed = true
      }
    }
    await assert.rejects(setup(2).adder.addAll(source()), { code: 'queue/full' })
    assert.equal(isClosed, true)
  })

  test('an array in which tasks name each other is added whole or not at all', async () => {
    const album = [task('a', { ref: 'a' }), task('b', { dependsOn: [{ ref: 'a' }] }), task('c')]
    const { store, adder } = setup(3)
    assert.deepEqual(await adder.addAll(album), [1, 2, 3])
    await assert.rejects(adder.addAll(album), { code: 'queue/full', added: [] })
    assert.deepEqual(store.additions, [3])
  })

  test('of an iterable a ref names a task that came chunks before', async () => {
    function* source(): Generator<NewTask> {
      yield task('first', { ref: 'first' })
      yield* tasks(1_000)
      yield task('last', { dependsOn: [{ ref: 'first', onFailure: 'run' }] })
    }
    const { store, adder } = setup(10_000)
    await adder.addAll(source())
    assert.deepEqual(store.tasks.at(-1)?.dependsOn, [{ taskId: 1, onFailure: 'run' }])
  })
})
