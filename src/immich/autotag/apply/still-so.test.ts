/** What a run leaves alone because it is not as the plan found it. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MemoryServer } from '../../../../test/support/autotag-apply/memory-server.ts'
import { planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import { date, server, tag } from '../../../../test/support/autotag-apply/small-steps.ts'
import type { Step } from '../plan.ts'
import { applyPlan } from './apply-plan.ts'
import { inversePlan } from './inverse-plan.ts'

describe('what was changed since the plan', () => {
  const cases: readonly {
    readonly name: string
    readonly steps: (memory: MemoryServer, ids: readonly string[]) => readonly Step[]
    readonly meanwhile: (memory: MemoryServer, ids: readonly string[]) => void
    readonly dropped: number
  }[] = [
    {
      name: 'a date',
      steps: (memory, ids) => [date(memory, ids)],
      meanwhile: (memory, [first]) => {
        const asset = memory.assets.get(first ?? '')!
        asset.taken = { atMs: 5, zone: undefined }
        asset.updatedAt = memory.now()
      },
      dropped: 1,
    },
    {
      name: 'a rating',
      steps: (_, ids) => [
        { op: 'asset.set', rule: 'r', to: { rating: 5 }, assetIds: ids, before: ids.map(() => null) },
      ],
      meanwhile: (memory, [, second]) => {
        const asset = memory.assets.get(second ?? '')!
        asset.rating = 2
        asset.updatedAt = memory.now()
      },
      dropped: 1,
    },
    {
      name: 'a tag that was given by hand',
      steps: (_, ids) => [tag('tag.add', 'kind', ids)],
      meanwhile: (memory, [first]) => {
        const asset = memory.assets.get(first ?? '')!
        asset.tagIds.add(memory.addTag('kind/scan').id)
        asset.updatedAt = memory.now()
      },
      dropped: 1,
    },
    {
      name: 'members of an album',
      steps: (memory, ids) => {
        const { id, name } = memory.albumNamed('A')!
        return [{ op: 'album.add', rule: 'r', album: { id, name }, assetIds: ids }]
      },
      meanwhile: (memory, ids) => {
        const album = memory.albumNamed('A')!
        album.assetIds.add(ids[0] ?? '')
        album.updatedAt = memory.now()
      },
      dropped: 1,
    },
    {
      name: 'an album that is gone',
      steps: (memory, ids) => {
        const { id, name } = memory.albumNamed('A')!
        return [{ op: 'album.add', rule: 'r', album: { id, name }, assetIds: ids }]
      },
      meanwhile: (memory) => memory.albums.delete(memory.albumNamed('A')!.id),
      dropped: 4,
    },
    {
      name: 'an album of the name that was to be made',
      steps: (_, ids) => {
        const album = { key: 'B', name: 'B' }
        return [
          { op: 'album.create', rule: 'r', album, description: '', assetIds: ids },
          { op: 'share.add', rule: 's', album, userId: 'bo', email: 'bo@x.org', role: 'viewer' },
        ]
      },
      meanwhile: (memory) => void memory.addAlbum('B'),
      dropped: 2,
    },
    {
      name: 'who sees an album',
      steps: (memory) => {
        const { id, name } = memory.albumNamed('A')!
        return [
          {
            op: 'share.add',
            rule: 's',
            album: { id, name },
            userId: 'bo',
            email: 'bo@x.org',
            role: 'viewer',
          },
        ]
      },
      meanwhile: (memory) => void memory.albumNamed('A')!.members.set('bo', 'editor'),
      dropped: 1,
    },
  ]
  for (const { name, steps, meanwhile, dropped } of cases) {
    test(`is left alone: ${name}`, async () => {
      const { server: memory, ids } = server(4)
      memory.addAlbum('A')
      memory.addTag('kind')
      const plan = planOf(memory.snapshot(), steps(memory, ids))
      meanwhile(memory, ids)
      using scratch = scratchState(memory)
      const result = await applyPlan({ api: memory.client(), state: scratch.state, plan })
      assert.equal(result.undone.flatMap(({ ids: own }) => own).length, dropped)
      for (const part of result.undone) {
        assert.equal(part.outcome, 'changed-meanwhile')
        assert.match(part.message, /meanwhile/u)
      }
      assert.equal(result.run.status, 'completed')
      const again = inversePlan({ state: scratch.state, runId: result.run.id, snapshot: memory.snapshot() })
      const taken = again.steps.flatMap((step) => ('assetIds' in step ? step.assetIds : []))
      assert.equal(
        taken.length,
        name === 'an album that is gone' || name.startsWith('an album of') || name.startsWith('who') ? 0 : 3,
      )
    })
  }

  test('an old plan reads its tags again, a fresh one only those of changed assets', async () => {
    for (const [ageMs, reads] of [
      [1_000, 0],
      [200_000, 1],
    ] as const) {
      const { server: memory, ids } = server(4)
      memory.addTag('kind')
      const madeAt = '2026-11-22T09:00:00.000Z'
      const plan = planOf(memory.snapshot(), [tag('tag.add', 'kind', ids)], madeAt)
      using scratch = scratchState(memory)
      const now = (): number => Date.parse(madeAt) + ageMs
      await applyPlan({ api: memory.client(), state: scratch.state, plan, now })
      const before = memory.log.slice(
        0,
        memory.log.findIndex(({ name }) => name === 'tagAssets'),
      )
      assert.equal(before.filter(({ name }) => name === 'findIds').length, reads)
    }
  })

  test('an own album is deleted only when it is empty, and only an own one', async () => {
    const { server: memory, ids } = server(3)
    const mine = memory.addAlbum('Inbox', ids.slice(0, 1))
    using scratch = scratchState(memory)
    const { state } = scratch
    const api = memory.client()
    const deletion = (album: { id: string; name: string }): Step => {
      return { op: 'album.delete', rule: 'r', album, before: { description: '', members: [] } }
    }
    const foreign = await applyPlan({ api, state, plan: planOf(memory.snapshot(), [deletion(mine)]) })
    assert.match(foreign.undone[0]?.message ?? '', /not made by this tool/u)

    const album = { key: 'Day', name: 'Day' }
    const create: Step = { op: 'album.create', rule: 'r', album, description: '', assetIds: ids }
    await applyPlan({ api, state, plan: planOf(memory.snapshot(), [create]) })
    const { id } = memory.albumNamed('Day')!
    const ref = { id, name: 'Day' }
    const empty: Step = { op: 'album.remove', rule: 'r', album: ref, assetIds: ids }
    const plan = planOf(memory.snapshot(), [empty, deletion(ref)])
    const late = memory.addAsset().id
    memory.before = ({ name }) => {
      // Somebody drops a picture into it while the run goes on.
      if (name === 'removeFromAlbum') memory.albums.get(id)?.assetIds.add(late)
    }
    const result = await applyPlan({ api, state, plan })
    assert.match(result.undone[0]?.message ?? '', /not empty: 1/u)
    assert.deepEqual([...(memory.albums.get(id)?.assetIds ?? [])], [late])
  })
})
