/**
 * The faults of the program that this replaces (section 1.10 of its description), as far as deciding goes: each has a
 * number there, and a test here that it is gone. Those of dates, sharing and names.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type TestLibrary, userOf } from './testing/library.ts'
import { planOf, shown } from './testing/plan-of.ts'

const DATES = `
time: { zone: America/New_York }
patterns:
  whatsapp: { file: '/(IMG|VID)-(?<d>\\d{8})-WA\\d+/', precision: day }
  in-path:  { path: '/(?<d>\\d{8})_(?<t>\\d{6})/', precision: second }
dates:
  sources: [ exif, patterns: [whatsapp, in-path], folder ]
  accept: { only: earlier, by: 26h }
  unsure: { ensure: { tag: auto/date-unsure } }
checks: [ { id: all, when: { type: image }, ensure: { tag: seen } } ]
`

describe('fault 7: a date that cannot be decided drops the later steps', () => {
  test('it is marked and told, and the later rules still run', () => {
    const plan = planOf(
      {
        assets: [
          {
            id: 'a',
            fileName: 'IMG-20200101-WA0001.jpg',
            path: '/x/20150101_101010/IMG-20200101-WA0001.jpg',
            date: '2024-01-01T10:00:00-05:00',
          },
          { id: 'b', fileName: 'plain.png' },
        ],
      },
      DATES,
    )
    assert.deepEqual(shown(plan), ['tag.add auto/date-unsure: a b', 'tag.add seen: a b'])
    assert.deepEqual(
      plan.remarks.map(({ kind, says, assetIds }) => [kind, says, assetIds]),
      [
        ['date-unsure', 'dates/whatsapp and dates/in-path tell different days', ['a']],
        ['date-unsure', 'nothing tells a date', ['b']],
      ],
    )
  })
})

describe('fault 8: wall clocks and instants are mixed', () => {
  test('west of Greenwich, a picture of late evening is not taken for one of the next day', () => {
    // 21:30 in New York is 02:30 of the next day in UTC; its wall clock, read as an instant, is five hours too early.
    const library: TestLibrary = {
      assets: [
        {
          id: 'a',
          fileName: 'IMG-20210304-WA0001.jpg',
          date: '2021-03-04T21:30:00-05:00',
          zone: 'America/New_York',
        },
      ],
    }
    assert.deepEqual(shown(planOf(library, DATES)), ['tag.add seen: a'])
  })

  test('the wall clock of the server is never sent as an instant', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'a', fileName: 'IMG-20160304-WA0001.jpg', date: '2021-03-04T21:30:00-05:00', zone: 'UTC-5' },
        ],
      },
      DATES,
    )
    assert.deepEqual(shown(plan)[1], 'date.set 2016-03-04T00:00:00-05:00: a')
  })
})

const SHARING = `
sharing:
  groups: { cousins: [ ada@x.org, tpyo@x.org ] }
  unresolved: MODE
  list: [ { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: true } ]
`

describe('fault 13: a typo in an address takes access away', () => {
  const library: TestLibrary = {
    users: ['ada', 'bo', 'eve'].map(userOf),
    albums: [
      {
        name: 'Family-Reunion 2019',
        members: [
          { userId: 'bo', role: 'editor' },
          { userId: 'eve', role: 'viewer' },
        ],
      },
    ],
  }

  test('stop: the rule does nothing, and says so', () => {
    const plan = planOf(library, SHARING.replace('MODE', 'stop'))
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.remarks.map(({ kind, says }) => [kind, says]),
      [['user-unknown', 'nobody has the address tpyo@x.org: the rule is not applied']],
    )
  })

  test('skip: who is known comes in, and nobody is removed', () => {
    const plan = planOf(library, SHARING.replace('MODE', 'skip'))
    assert.deepEqual(shown(plan), ['share.add Family-Reunion 2019: ada@x.org'])
  })

  test('with all addresses known, exact removes the others', () => {
    const plan = planOf(library, SHARING.replace('MODE', 'stop').replace('tpyo', 'eve'))
    assert.deepEqual(shown(plan), [
      'share.add Family-Reunion 2019: ada@x.org',
      'share.role Family-Reunion 2019: eve@x.org',
      'share.remove Family-Reunion 2019: bo@x.org',
    ])
  })
})

describe('fault 14: a role that is asked for becomes another', () => {
  test('the strongest role of several rules is granted, whatever their order', () => {
    for (const order of [
      ['viewer', 'editor'],
      ['editor', 'viewer'],
    ]) {
      const plan = planOf(
        { users: [userOf('ada')], albums: [{ name: 'reunion' }] },
        `
sharing:
  groups: { cousins: [ ada@x.org ] }
  list:
    - { id: one, albums: { word: reunion }, grant: { cousins: ${order[0]} } }
    - { id: two, albums: { word: reunion }, grant: { cousins: ${order[1]} } }
`,
      )
      assert.deepEqual(
        plan.steps.map((step) => ('role' in step ? step.role : step.op)),
        ['editor'],
      )
    }
  })
})

describe('fault 15: two albums of a name end the run', () => {
  test('the rule that means them is told, the others run', () => {
    const plan = planOf(
      {
        assets: [{ id: 'a', tags: ['scan', 'meme'] }],
        albums: [{ name: 'Paper' }, { name: 'Paper', id: 'second' }],
      },
      `
moves:
  - { id: scans, from: { tag: scan }, to: { album: Paper }, create: true }
  - { id: memes, from: { tag: meme }, to: { album: Memes }, create: true }
`,
    )
    assert.deepEqual(shown(plan), ['album.create Memes: a', 'tag.remove meme: a'])
    assert.deepEqual(
      plan.remarks.map(({ rule, kind, says }) => [rule, kind, says]),
      [['moves/scans', 'album-name-not-unique', '2 albums are called "Paper"']],
    )
  })

  test('one made by the plan is the same for all rules', () => {
    const plan = planOf(
      {
        assets: [
          { id: 'a', tags: ['one'] },
          { id: 'b', tags: ['two'] },
        ],
      },
      `
moves:
  - { id: one, from: { tag: one }, to: { album: New }, mode: copy, create: true }
  - { id: two, from: { tag: two }, to: { album: New }, mode: copy, create: true }
`,
    )
    assert.deepEqual(shown(plan), ['album.create New: a', 'album.add New: b'])
  })
})

describe('fault 20: archived assets are not looked at', () => {
  test('the scope says which visibilities are, and archived ones can be', () => {
    const library: TestLibrary = { assets: [{ id: 'a', visibility: 'archive' }, { id: 'b' }] }
    const check = 'checks: [ { id: all, when: { type: image }, ensure: { tag: seen } } ]'
    assert.deepEqual(shown(planOf(library, `scope: { visibility: [timeline, archive] }\n${check}`)), [
      'tag.add seen: a b',
    ])
  })
})
