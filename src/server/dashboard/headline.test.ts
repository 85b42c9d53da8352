import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SnapshotView } from '../dashboard-events.ts'
import {
  agoOf,
  formatAge,
  formatEta,
  formatPercent,
  formatRate,
  headlineOf,
  type Mood,
  splitPath,
} from './headline.ts'
import { sampleCoordinator, sampleLane, sampleSnapshot } from './testing/sample-snapshot.ts'

describe('the headline', () => {
  const cases: { fact: string; given: Partial<SnapshotView>; mood: Mood; title: string }[] = [
    { fact: 'an empty library has nothing to do', given: {}, mood: 'idle', title: 'Nothing to do yet' },
    {
      fact: 'a run that is over is done',
      given: { lanes: [sampleLane('item', { completed: 3 })] },
      mood: 'done',
      title: 'All done',
    },
    {
      fact: 'failures are told even when all is done',
      given: { lanes: [sampleLane('item', { completed: 3, failed: 1_200 })] },
      mood: 'done',
      title: 'Done, but for 1,200 that failed',
    },
    {
      fact: 'lanes that run are named',
      given: {
        lanes: [
          sampleLane('item', { processing: 1 }),
          sampleLane('thumbnail', { processing: 2 }),
          sampleLane('upload', { pending: 1 }),
        ],
      },
      mood: 'busy',
      title: 'Placing photos and making thumbnails',
    },
    {
      fact: 'two lanes of one work are one',
      given: {
        lanes: [sampleLane('upload', { processing: 1 }), sampleLane('upload-file', { processing: 1 })],
      },
      mood: 'busy',
      title: 'Uploading',
    },
    {
      fact: 'a lane that nobody knows is called by its name',
      given: { lanes: [sampleLane('mail', { processing: 1 })] },
      mood: 'busy',
      title: 'Working on mail',
    },
    {
      fact: 'tasks of paused lanes are paused',
      given: { lanes: [sampleLane('item', { pending: 3 }, { paused: true })] },
      mood: 'paused',
      title: 'Paused',
    },
    {
      fact: 'a paused lane does not hide another',
      given: {
        lanes: [sampleLane('item', { pending: 3 }, { paused: true }), sampleLane('upload', { pending: 3 })],
      },
      mood: 'stuck',
      title: 'Waiting for somebody to work on it',
    },
    {
      fact: 'tasks of a lane that nobody works on are stuck, though another is worked on',
      given: { lanes: [sampleLane('item', { pending: 3 })], coordinators: [sampleCoordinator('thumbnail')] },
      mood: 'stuck',
      title: 'Waiting for somebody to work on it',
    },
    {
      fact: 'tasks that somebody is about to take begin',
      given: { lanes: [sampleLane('item', { pending: 3 })], coordinators: [sampleCoordinator('item')] },
      mood: 'busy',
      title: 'About to begin',
    },
    {
      fact: 'tasks that wait for their next attempt are told',
      given: { lanes: [sampleLane('item', { retry: 3 })], coordinators: [sampleCoordinator('item')] },
      mood: 'busy',
      title: 'Waiting to try again',
    },
  ]
  for (const { fact, given, mood, title } of cases) {
    test(fact, () => {
      const headline = headlineOf(sampleSnapshot(given))
      assert.deepEqual([headline.mood, headline.title], [mood, title])
    })
  }

  test('says which command goes on with an upload that nobody works on', () => {
    const { hint } = headlineOf(sampleSnapshot({ lanes: [sampleLane('upload-file', { pending: 1 })] }))
    assert.match(hint ?? '', /heirloom upload/u)
  })

  test('counts this run, not what former ones have left', () => {
    const lanes = [sampleLane('item', { completed: 10_000, pending: 75 })]
    const { share, done, total } = headlineOf(sampleSnapshot({ lanes, run: { done: 25 } }))
    assert.deepEqual([share, done, total], [0.25, 25, 100])
  })

  test('is at 100 % only when nothing is open', () => {
    const open = sampleSnapshot({ lanes: [sampleLane('item', { pending: 1 })], run: { done: 1_000_000 } })
    assert.ok(headlineOf(open).share < 1)
    assert.equal(headlineOf(sampleSnapshot({ lanes: [sampleLane('item', { completed: 1 })] })).share, 1)
  })

  test('has no estimate when nothing is open', () => {
    const { etaMs } = headlineOf(sampleSnapshot({ lanes: [sampleLane('item', { completed: 1 })], etaMs: 0 }))
    assert.equal(etaMs, undefined)
  })
})

test('rates have three digits at most below a thousand', () => {
  assert.deepEqual([0, 0.001, 0.25, 3.44, 45.2, 1_204.4].map(formatRate), [
    '0',
    '<0.01',
    '0.25',
    '3.4',
    '45',
    '1,204',
  ])
})

test('estimates are the coarser the farther away', () => {
  assert.deepEqual([3_000, 31_000, 185_000, 3_700_000, 7 * 86_400_000].map(formatEta), [
    'a moment',
    '35 s',
    '3 min',
    '1 h 02 min',
    '7 days',
  ])
})

test('ages are whole numbers', () => {
  assert.deepEqual([200, 12_900, 185_000, 7_300_000].map(formatAge), ['now', '12 s', '3 min', '2 h 02 min'])
  assert.deepEqual([-5, 12_900].map(agoOf), ['just now', '12 s ago'])
})

test('percents are 100 for all of it only', () => {
  assert.deepEqual([0, 0.119, 0.999, 1].map(formatPercent), ['0 %', '11 %', '99 %', '100 %'])
})

test('a path is split at its last separator, of whatever system', () => {
  assert.deepEqual(splitPath('a/b/c.jpg'), { name: 'c.jpg', folder: 'a/b' })
  assert.deepEqual(splitPath('C:\\Fotos\\c.jpg'), { name: 'c.jpg', folder: 'C:\\Fotos' })
  assert.deepEqual(splitPath('c.jpg'), { name: 'c.jpg', folder: '' })
})
