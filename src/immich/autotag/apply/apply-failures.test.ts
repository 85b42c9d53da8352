/** What a run does when something is not as the plan has it, or goes wrong. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dateText, planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import { date, server, tag } from '../../../../test/support/autotag-apply/small-steps.ts'
import {
  ForbiddenError,
  RejectedError,
  ServerFailedError,
  UnauthorizedError,
  UnreachableError,
} from '../../immich-errors.ts'
import type { Plan, Step } from '../plan.ts'
import { planIdOf } from '../plan-id.ts'
import { applyPlan } from './apply-plan.ts'
import { inversePlan } from './inverse-plan.ts'
import { resumeRun, unfinishedRun } from './resume-run.ts'

describe('a call that fails', () => {
  test('for assets that are gone: they are found by halving, and all others are done', async () => {
    const { server: memory, ids } = server(200)
    const plan = planOf(memory.snapshot(), [date(memory, ids)])
    const gone = [ids[3] ?? '', ids[150] ?? '', ids[199] ?? '']
    for (const id of gone) memory.assets.delete(id)
    using scratch = scratchState(memory)
    const result = await applyPlan({ api: memory.client(), state: scratch.state, plan })
    assert.deepEqual(result.undone.flatMap(({ ids: own }) => own).toSorted(), gone.toSorted())
    assert.deepEqual([...new Set(result.undone.map(({ outcome }) => outcome))], ['gone'])
    assert.deepEqual([result.done, result.run.status], [197, 'completed'])
    assert.ok(memory.count('setDate') <= 40, `${memory.count('setDate')} calls`)
  })

  test('for no reason of an asset is not repeated for each of them', async () => {
    const { server: memory, ids } = server(200)
    memory.before = ({ name }) => {
      if (name === 'setDate') throw new RejectedError('setting the date', 'Invalid date', 400)
    }
    using scratch = scratchState(memory)
    const plan = planOf(memory.snapshot(), [date(memory, ids), tag('tag.add', 'a', ids)])
    const result = await applyPlan({ api: memory.client(), state: scratch.state, plan })
    assert.ok(memory.count('setDate') < 30, `${memory.count('setDate')} calls`)
    assert.deepEqual(result.undone.flatMap(({ ids: own }) => own).length, 200)
    assert.deepEqual([result.done, result.run.status], [200, 'failed'])
  })

  test('for want of a permission stops its kind only, and is tried once', async () => {
    const { server: memory, ids } = server(10)
    const albums = Array.from({ length: 6 }, (_, at) => memory.addAlbum(`A${at}`))
    memory.before = ({ name }) => {
      if (name === 'addToAlbum') throw new ForbiddenError('adding', 'albumAsset.create')
    }
    using scratch = scratchState(memory)
    const additions = albums.map(({ id, name }): Step => {
      return { op: 'album.add', rule: 'r', album: { id, name }, assetIds: ids }
    })
    const plan = planOf(memory.snapshot(), [...additions, tag('tag.add', 'a', ids)])
    const result = await applyPlan({ api: memory.client(), state: scratch.state, plan, nice: true })
    assert.deepEqual([result.done, result.undone.length, result.run.status], [10, 6, 'failed'])
    assert.ok(memory.count('addToAlbum') <= 3)
  })

  test('now and then does not stop the others, and is asked about before the end', async () => {
    const { server: memory, ids } = server(20)
    const steps = ids.map((id, at): Step => {
      return { ...date(memory, [id]), op: 'date.set', to: dateText(at), precision: 'second' } as Step
    })
    let calls = 0
    memory.before = ({ name }) => {
      if (name !== 'setDate') return
      calls += 1
      if (calls === 5) throw new ServerFailedError('x', 'oops', { kind: 'status', status: 500 })
    }
    using scratch = scratchState(memory)
    const result = await applyPlan({
      api: memory.client(),
      state: scratch.state,
      plan: planOf(memory.snapshot(), steps),
    })
    assert.deepEqual([result.undone, result.done, result.run.status], [[], 20, 'completed'])
    assert.equal(calls, 21)
  })

  for (const [name, error] of [
    ['a key that is not accepted', new UnauthorizedError('http://memory.test', 'Invalid API key')],
    ['a server that is away', new UnreachableError('http://memory.test', 'ECONNREFUSED')],
  ] as const) {
    test(`for ${name} stops the run, which is resumed later`, async () => {
      const { server: memory, ids } = server(20)
      const steps = ids.map((id, at): Step => tag('tag.remove', `t${at}`, [id]))
      for (const [at, id] of ids.entries()) memory.assets.get(id)?.tagIds.add(memory.addTag(`t${at}`).id)
      let calls = 0
      memory.before = ({ name: method }) => {
        if (method === 'untagAssets') calls += 1
        if (calls > 7) throw error
      }
      using scratch = scratchState(memory)
      const api = memory.client()
      const plan = planOf(memory.snapshot(), steps)
      const result = await applyPlan({ api, state: scratch.state, plan, nice: true })
      assert.equal(result.stoppedBy, error)
      assert.deepEqual([result.run.status, result.done], ['interrupted', 7])
      assert.ok(result.left >= 10 && calls <= 10)
      memory.before = () => undefined
      assert.equal(unfinishedRun(scratch.state)?.id, result.run.id)
      const rest = await resumeRun({ api, state: scratch.state, runId: result.run.id })
      assert.deepEqual([rest.done, rest.undone, rest.run.status], [20, [], 'completed'])
    })
  }

  test('Ctrl-C finishes the calls under way, and begins no other', async () => {
    const { server: memory, ids } = server(30)
    const steps = ids.map((id, at): Step => tag('tag.remove', `t${at}`, [id]))
    for (const [at, id] of ids.entries()) memory.assets.get(id)?.tagIds.add(memory.addTag(`t${at}`).id)
    const interrupt = new AbortController()
    memory.before = ({ name }) => {
      if (name === 'untagAssets' && memory.count('untagAssets') === 10) interrupt.abort()
    }
    using scratch = scratchState(memory)
    const api = memory.client()
    const plan = planOf(memory.snapshot(), steps)
    const result = await applyPlan({ api, state: scratch.state, plan, signal: interrupt.signal })
    assert.equal(result.run.status, 'interrupted')
    assert.equal(result.done, memory.count('untagAssets'))
    assert.equal(result.done + result.left, 30)
    assert.equal(result.stoppedBy, undefined)
    const rest = await resumeRun({ api, state: scratch.state, runId: result.run.id })
    assert.deepEqual([rest.done, memory.count('untagAssets'), rest.run.status], [30, 30, 'completed'])
  })

  test('an album whose answer is lost is found, also beside one of the same name', async () => {
    const { server: memory, ids } = server(5)
    const album = { key: 'Trip', name: 'Trip' }
    const old = memory.addAlbum('Trip', ids)
    old.isOwned = false
    memory.after = ({ name }) => {
      if (name === 'createAlbum')
        throw new ServerFailedError('x', 'bad gateway', { kind: 'status', status: 502 })
    }
    const step: Step = { op: 'album.create', rule: 'r', album, description: 'd', assetIds: ids }
    using scratch = scratchState(memory)
    const result = await applyPlan({
      api: memory.client(),
      state: scratch.state,
      plan: planOf(memory.snapshot(), [step]),
    })
    assert.deepEqual([result.undone, memory.count('createAlbum'), memory.albums.size], [[], 1, 2])
    const made = [...memory.albums.values()].find(({ id }) => id !== old.id)
    assert.deepEqual([...scratch.state.facts().madeAlbums], [[made?.id, 'r']])
  })
})

describe('a plan that is not for here', () => {
  test('is refused before anything is asked for', async () => {
    const { server: memory, ids } = server(1)
    const good = planOf(memory.snapshot(), [tag('tag.add', 'a', ids)])
    const sealed = (change: Partial<Plan>): Plan => {
      const { id: _, ...rest } = { ...good, ...change }
      return { id: planIdOf(rest), ...rest }
    }
    const bad: readonly Plan[] = [
      { ...good, steps: [] },
      { ...good, id: 'f'.repeat(64) },
      sealed({ server: { ...good.server, userId: 'somebody' } }),
      sealed({ server: { ...good.server, address: 'http://elsewhere:2283' } }),
    ]
    using scratch = scratchState(memory)
    for (const plan of bad) {
      const run = applyPlan({ api: memory.client(), state: scratch.state, plan })
      await assert.rejects(run, { code: 'autotag/wrong-plan' })
    }
    assert.deepEqual(
      memory.log.filter(({ name }) => name !== 'me'),
      [],
    )
    assert.deepEqual(scratch.state.journal.runs(), [])
  })
})

describe('the look afterwards', () => {
  test('gives tags again that the extraction of a fresh upload has lost, once', async () => {
    const { server: memory, ids } = server(4)
    using scratch = scratchState(memory)
    memory.after = ({ name }) => {
      // The job that was running writes the tags that it had read before.
      if (name === 'tagAssets' && memory.count('tagAssets') === 1)
        memory.assets.get(ids[2] ?? '')?.tagIds.clear()
    }
    const plan = planOf(memory.snapshot(), [tag('tag.add', 'a', ids)])
    const result = await applyPlan({ api: memory.client(), state: scratch.state, plan })
    assert.deepEqual([result.differences, memory.count('tagAssets')], [[], 2])
    assert.equal(memory.tagged('a').length, 4)
  })

  test('says what is still otherwise', async () => {
    const { server: memory, ids } = server(4)
    const album = memory.addAlbum('A')
    using scratch = scratchState(memory)
    memory.after = ({ name }) => {
      if (name === 'tagAssets') memory.assets.get(ids[2] ?? '')?.tagIds.clear()
      if (name === 'addToAlbum') album.assetIds.clear()
      if (name === 'setDate') memory.assets.get(ids[0] ?? '')!.taken = undefined
    }
    const plan = planOf(memory.snapshot(), [
      tag('tag.add', 'a', ids),
      date(memory, ids),
      { op: 'album.add', rule: 'r', album: { id: album.id, name: 'A' }, assetIds: ids },
    ])
    const { differences } = await applyPlan({ api: memory.client(), state: scratch.state, plan })
    assert.equal(differences.length, 3)
    assert.match(differences.join('\n'), /"A" has 0 assets, 4 were expected/u)
    assert.match(differences.join('\n'), /lack the tag a/u)
    assert.match(differences.join('\n'), /no date, 2024-05-01/u)
  })

  test('takes at most 15 calls, and says what it did not see', async () => {
    const { server: memory, ids } = server(30)
    using scratch = scratchState(memory)
    const steps = Array.from({ length: 30 }, (_, at) => tag('tag.add', `t${at}`, ids.slice(at)))
    const plan = planOf(memory.snapshot(), [...steps, date(memory, ids)])
    const result = await applyPlan({ api: memory.client(), state: scratch.state, plan })
    const last = memory.log.findLastIndex(({ name }) => name === 'setDate' || name === 'tagAssets')
    const looks = memory.log.slice(last + 1).map(({ name }) => name)
    assert.ok(looks.length <= 15, looks.join(' '))
    assert.ok(result.unseen > 0)
  })
})

describe('the faults of the seed program', () => {
  test('fault 9: a resumed run goes by its journal, not by a number in a list that it reorders itself', async () => {
    const { server: memory, ids } = server(40)
    const steps = ids.map((id, at): Step => {
      return {
        ...date(memory, [id]),
        op: 'date.set',
        to: dateText(Date.UTC(1990, 0, 40 - at)),
        precision: 'day',
      } as Step
    })
    const interrupt = new AbortController()
    memory.before = ({ name }) => {
      if (name === 'setDate' && memory.count('setDate') === 20) interrupt.abort()
    }
    using scratch = scratchState(memory)
    const api = memory.client()
    const plan = planOf(memory.snapshot(), steps)
    const first = await applyPlan({ api, state: scratch.state, plan, signal: interrupt.signal })
    // The library is another one by now: sorted otherwise, and with more in it.
    for (let more = 0; more < 25; more += 1) memory.addAsset({ taken: { atMs: more, zone: 'UTC' } })
    const rest = await resumeRun({ api, state: scratch.state, runId: first.run.id })
    assert.deepEqual([rest.done, memory.count('setDate')], [40, 40])
    const dates = ids.map((id) => memory.assets.get(id)?.taken?.atMs)
    assert.deepEqual(
      dates,
      ids.map((_, at) => Date.UTC(1990, 0, 40 - at)),
    )
  })

  test('fault 18: a plan changes nothing, and a run is taken back by rule or by asset', async () => {
    const { server: memory, ids } = server(4)
    const before = memory.picture()
    const other: Step = { op: 'tag.add', rule: 'checks/y', tag: 'b', assetIds: ids }
    const plan = planOf(memory.snapshot(), [tag('tag.add', 'a', ids), other])
    assert.deepEqual([memory.picture(), memory.log.length], [before, 0])

    using scratch = scratchState(memory)
    const { state } = scratch
    const api = memory.client()
    const { run } = await applyPlan({ api, state, plan })
    const undo = async (scope: { rule?: string; assetId?: string }): Promise<void> => {
      const inverse = inversePlan({ state, runId: run.id, snapshot: memory.snapshot(), ...scope })
      await applyPlan({ api, state, plan: inverse, undoes: run.id })
    }
    await undo({ assetId: ids[0] ?? '' })
    assert.deepEqual([memory.tagged('a').length, memory.tagged('b').length], [3, 3])
    await undo({ rule: 'checks/y' })
    assert.deepEqual([memory.tagged('a').length, memory.tagged('b').length], [3, 0])
    await undo({})
    assert.deepEqual(memory.picture(), before)
    assert.deepEqual(
      state.journal.runs().map(({ kind, undoes }) => [kind, undoes]),
      [['apply', undefined], ...Array(3).fill(['undo', run.id])],
    )
  })
})
