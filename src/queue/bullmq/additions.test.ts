import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis, type RedisSuite } from '../../../test/support/redis-suite.ts'
import type { ClaimedTask, NewTask, OnDependencyFailure } from '../task.ts'

const NOT_SUPPORTED = { code: 'queue/not-supported' }

await describeOnRedis('additions to BullMQ', (on) => {
  describePlaces(on)
  describeTrees(on)
  describeDependencies(on)
  describeDuplicates(on)
  describeRefusals(on)
})

function describePlaces(on: RedisSuite): void {
  test('a task costs less than 1,200 bytes with a payload of 120', async () => {
    const { redis } = on.context
    const used = async () =>
      Number(/used_memory:(?<bytes>\d+)/u.exec(await redis.info('memory'))?.groups?.['bytes'])
    // What is allocated once: scripts, and the stream of events, which BullMQ cuts at about 10,000.
    await on.add(...Array.from({ length: 2_000 }, () => ({ payload: 'x'.repeat(118) })))
    const before = await used()
    await on.add(...Array.from({ length: 2_000 }, () => ({ payload: 'x'.repeat(118) })))
    const bytes = ((await used()) - before) / 2_000
    assert.ok(bytes < 1_200 && bytes > 300, `${bytes} bytes`)
  })

  test('one addition may go to many lanes, and is found as a whole or not at all', async () => {
    const lanes = ['a', 'b', 'with space', 'with:colon', 'ümläut', '__proto__']
    const added = await on.add(...lanes.map((lane) => ({ lane })))
    assert.deepEqual(
      (await on.backend.list({ limit: 99 })).map(({ id, lane }) => [id, lane]),
      added.map(({ id }, index) => [id, lanes[index]]),
    )
    const wrong: Partial<NewTask>[] = [
      { kind: '' },
      { concurrencyKey: 'k' },
      { dependsOn: [{ taskId: 12_345 }] },
    ]
    for (const bad of wrong) await assert.rejects(on.add({ lane: 'z' }, bad))
    assert.equal((await on.backend.counts()).pending, lanes.length)
  })

  test('a server whose memory is full takes all or nothing, and says so', async (t) => {
    if (!on.isOwn) return t.skip('the server of REDIS_URL is not ours to set up')
    const { redis } = on.context
    await on.add({})
    await redis.config('SET', 'maxmemory', '1mb')
    try {
      await assert.rejects(on.add({}, { runAt: Date.now() + 60_000 }, { dedupeKey: 'k' }), {
        code: 'redis/out-of-memory',
      })
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    assert.equal((await on.backend.counts()).pending, 1)
    assert.equal((await on.add({ dedupeKey: 'k' }))[0]?.added, true)
  })

  test('hostile names are names', async () => {
    for (const name of ['__proto__', 'constructor', 'a\0b', 'a\0c', "'; --", '😀', 'x'.repeat(1_000_000)]) {
      const names = { kind: name, lane: name, group: name, dedupeKey: name }
      const id = await on.addOne({ ...names, payload: '\ud800\0' })
      assert.deepEqual(await on.add({ ...names, payload: 1 }), [{ id, added: false }])
      const claimed = await on.claimOne(name)
      const { kind, group, payload } = claimed.task
      assert.deepEqual([claimed.task.id, kind, group, payload], [id, name, name, '\ud800\0'])
      await on.fail(claimed)
      assert.equal((await on.backend.list({ kind: name, group: name, limit: 9 })).length, 1)
    }
  })
}

function describeTrees(on: RedisSuite): void {
  test('tasks of one addition wait for each other by ref, in any order and across lanes', async () => {
    const added = await on.add(
      { ref: 'last', dependsOn: [{ ref: 'left' }, { ref: 'right' }] },
      { ref: 'leaf', lane: 'b' },
      { ref: 'left', dependsOn: [{ ref: 'leaf' }] },
      { ref: 'right', lane: 'b' },
    )
    const [last, leaf, left, right] = added.map(({ id }) => id)
    assert.deepEqual(
      added.map(({ id }) => id),
      added.map(({ id }) => id).sort((a, b) => a - b),
    )
    assert.deepEqual(await on.statuses(last, leaf, left, right), ['waiting', 'pending', 'waiting', 'pending'])
    await on.complete(await on.claimOne('b'))
    assert.deepEqual(await on.statuses(last, leaf, left, right), [
      'waiting',
      'completed',
      'pending',
      'pending',
    ])
    await on.complete(await on.claimOne('a'))
    assert.deepEqual(await on.statuses(last, left), ['waiting', 'completed'])
    await on.complete(await on.claimOne('b'))
    assert.equal((await on.claimOne('a')).task.id, last)
  })

  test('leaves are handed out in the order of the call', async () => {
    const added = await on.add(
      { ref: 'c' },
      { dependsOn: [{ ref: 'a' }, { ref: 'b' }, { ref: 'c' }] },
      { ref: 'b' },
      { ref: 'a' },
    )
    const [c, , b, a] = added.map(({ id }) => id)
    assert.deepEqual(
      (await on.claim()).map(({ task }) => task.id),
      [c, b, a],
    )
  })
}

function describeDependencies(on: RedisSuite): void {
  const after = (taskId: number, onFailure: OnDependencyFailure) =>
    on.addOne({ dependsOn: [{ taskId, onFailure }] })

  test('each edge says what becomes of the dependant of a failed task', async () => {
    const ids = [await on.addOne(), await on.addOne(), await on.addOne()] as const
    const [fail, skip, run] = [
      await after(ids[0], 'fail'),
      await after(ids[1], 'skip'),
      await after(ids[2], 'run'),
    ]
    const behind = await after(fail, 'fail')
    assert.deepEqual(await on.statuses(fail, skip, run, behind), ['waiting', 'waiting', 'waiting', 'waiting'])
    for (const claimed of await on.claim(3)) await on.fail(claimed)
    assert.deepEqual(await on.statuses(fail, skip, run, behind), ['failed', 'cancelled', 'pending', 'failed'])
    assert.equal((await on.backend.get(behind))?.error?.code, 'queue/dependency-failed')
    assert.deepEqual(
      (await on.claim()).map(({ task }) => task.id),
      [run],
    )
  })

  test('a cancelled dependency counts as a failed one', async () => {
    const [first, second] = [await on.addOne(), await on.addOne()]
    const [fail, skip] = [await after(first, 'fail'), await after(second, 'skip')]
    await on.backend.cancel([first, second])
    assert.deepEqual(await on.statuses(fail, skip), ['failed', 'cancelled'])
  })

  test('a task that runs already can be waited for', async () => {
    const id = await on.addOne()
    const claimed = await on.claimOne()
    const child = await after(id, 'fail')
    assert.deepEqual(await on.statuses(child), ['waiting'])
    await on.complete(claimed)
    assert.deepEqual(await on.statuses(child), ['pending'])
  })

  test('a task that was made to wait for one that ran already ends with it, not with the next claim', async () => {
    const id = await on.addOne()
    const claimed = await on.claimOne()
    const child = await after(id, 'fail')
    const behind = await after(child, 'skip')
    await on.fail(claimed)
    assert.deepEqual(await on.statuses(id, child, behind), ['failed', 'failed', 'cancelled'])
  })

  for (const end of ['complete', 'fail'] as const) {
    test(`a dependency that ends while it is looked at is never waited for in vain: ${end}`, async () => {
      const id = await on.addOne()
      const claimed = await on.claimOne()
      on.meanwhile(() => on[end](claimed))
      const child = await after(id, 'fail')
      const expected = end === 'complete' ? ['completed', 'pending'] : ['failed', 'failed']
      assert.deepEqual(await on.statuses(id, child), expected)
    })
  }

  test('a dependency that is given another dependant meanwhile is refused', async () => {
    const id = await on.addOne()
    const other = await on.another()
    const rival = { kind: 'plain', lane: 'a', payload: null, dependsOn: [{ taskId: id }] }
    on.meanwhile(() => other.backend.add([rival]))
    await assert.rejects(after(id, 'fail'), NOT_SUPPORTED)
    assert.equal((await on.backend.counts()).waiting, 1)
  })

  test('a second dependant is refused, but for one whose first has ended', async () => {
    const id = await on.addOne()
    const first = await after(id, 'fail')
    await assert.rejects(after(id, 'fail'), {
      ...NOT_SUPPORTED,
      message: /a second task that depends on task \d+/u,
    })
    await assert.rejects(on.add({ ref: 'r' }, { dependsOn: [{ ref: 'r' }] }, { dependsOn: [{ ref: 'r' }] }), {
      ...NOT_SUPPORTED,
      hint: /Let one task depend on it/u,
    })
    await on.backend.cancel([first])
    const second = await after(id, 'fail')
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.statuses(first, second), ['cancelled', 'pending'])
    assert.equal((await on.backend.counts()).pending, 1)
  })
}

function describeDuplicates(on: RedisSuite): void {
  test('replace takes payload and options, and keeps place, due time and id', async () => {
    const runAt = Date.now() + 60_000
    const id = await on.addOne({ dedupeKey: 'k', payload: 1, runAt, group: 'g', timeoutMs: 5 })
    const given = {
      kind: 'other',
      payload: 2,
      runAt: runAt + 900,
      priority: 2,
      maxRetries: 7,
      memoryBytes: 9,
    }
    const [replaced] = await on.add({ dedupeKey: 'k', onDuplicate: 'replace', ...given })
    assert.deepEqual(replaced, { id, added: false, replaced: true })
    const task = await on.backend.get(id)
    assert.ok(task)
    assert.deepEqual(
      { ...given, runAt },
      {
        kind: task.kind,
        payload: task.payload,
        runAt: task.runAt,
        priority: task.priority,
        maxRetries: task.maxRetries,
        memoryBytes: task.memoryBytes,
      },
    )
    assert.deepEqual([task.timeoutMs, task.group], [undefined, undefined])
  })

  test('what is due keeps its place among its equals when it is replaced', async () => {
    const first = await on.addOne({ dedupeKey: 'k', payload: 1 })
    const second = await on.addOne()
    await on.add({ dedupeKey: 'k', onDuplicate: 'replace', payload: 2 })
    const claimed = await on.claim()
    assert.deepEqual(
      claimed.map(({ task }) => [task.id, task.payload]),
      [
        [first, 2],
        [second, null],
      ],
    )
  })

  test('debounce puts off what was due, and brings on what was not', async () => {
    const later = Date.now() + 60_000
    const [due, early] = [
      await on.addOne({ dedupeKey: 'due' }),
      await on.addOne({ dedupeKey: 'early', runAt: later }),
    ]
    const debounce = (dedupeKey: string, runAt: number) =>
      on.add({ dedupeKey, onDuplicate: 'debounce', runAt })
    await debounce('due', later)
    assert.deepEqual(await on.claim(), [])
    assert.equal(await on.backend.nextDueAt('a'), later)
    await debounce('early', Date.now())
    assert.deepEqual(
      (await on.claim()).map(({ task }) => task.id),
      [early],
    )
    assert.equal((await on.backend.get(due))?.runAt, later)
  })

  for (const onDuplicate of ['replace', 'debounce'] as const) {
    test(`a task that is claimed meanwhile runs as it was, and another one after it: ${onDuplicate}`, async () => {
      const id = await on.addOne({ dedupeKey: 'k', payload: 'old' })
      const running: ClaimedTask[] = []
      on.meanwhile(async () => running.push(await on.claimOne()))
      const [added] = await on.add({ dedupeKey: 'k', payload: 'new', onDuplicate })
      assert.deepEqual([running[0]?.task.id, running[0]?.task.payload, added?.added], [id, 'old', true])
      assert.equal((await on.backend.get(id))?.dedupeKey, undefined)
      for (const claimed of running) await on.complete(claimed)
      const next = await on.claimOne()
      assert.deepEqual([next.task.id, next.task.payload], [added?.id, 'new'])
    })
  }

  test('a task that gets the key while another one is about to replace nobody is replaced', async () => {
    let id = 0
    on.meanwhile(async () => {
      id = await on.addOne({ dedupeKey: 'k', payload: 'old' })
    })
    const [added] = await on.add({ dedupeKey: 'k', payload: 'new', onDuplicate: 'replace' })
    assert.deepEqual(
      [added, (await on.backend.get(id))?.payload],
      [{ id, added: false, replaced: true }, 'new'],
    )
  })

  test('a task that ends while it is being replaced is followed by another one', async () => {
    const id = await on.addOne({ dedupeKey: 'k' })
    on.meanwhile(() => on.backend.cancel([id]))
    const [added] = await on.add({ dedupeKey: 'k', payload: 'new', onDuplicate: 'replace' })
    assert.equal(added?.added, true)
    assert.deepEqual(await on.statuses(id, added?.id), ['cancelled', 'pending'])
  })

  test('a dedupe key is known within its lane', async () => {
    const ids = [await on.addOne({ dedupeKey: 'k' }), await on.addOne({ dedupeKey: 'k', lane: 'b' })]
    assert.equal(new Set(ids).size, 2)
  })
}

function describeRefusals(on: RedisSuite): void {
  test('what BullMQ cannot promise is refused by name, with a way out', async () => {
    const taskId = await on.addOne()
    const dependsOn = [{ taskId }]
    const refused: readonly (readonly [RegExp, readonly Partial<NewTask>[]])[] = [
      [/^afterGroup is not supported on Redis$/u, [{ afterGroup: 'g' }]],
      [/^concurrencyKey is/u, [{ concurrencyKey: 'k' }]],
      [/^a dedupeKey on a task with dependencies/u, [{ dedupeKey: 'k', dependsOn }]],
      [
        /^a dedupeKey on a task with dependencies/u,
        [{ dedupeKey: 'k', ref: 'r' }, { dependsOn: [{ ref: 'r' }] }],
      ],
      [/^dependsOn together with a later runAt/u, [{ dependsOn, runAt: Date.now() + 60_000 }]],
      [
        /^onDuplicate replace for a task of the same/u,
        [{ dedupeKey: 'k' }, { dedupeKey: 'k', onDuplicate: 'replace' }],
      ],
    ]
    for (const [message, tasks] of refused) {
      await assert.rejects(on.add(...tasks), (error: Error & { code?: string; hint?: string }) => {
        assert.match(error.message, message)
        assert.equal(error.code, 'queue/not-supported')
        assert.match(error.hint ?? '', /^[A-Z].*\.$/u)
        return true
      })
    }
    assert.equal((await on.backend.counts()).pending, 1)
  })
}
