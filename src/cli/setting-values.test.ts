import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { count, counts, either, flag, oneOf, type ReadValue, text, zone } from './setting-values.ts'

const cases: {
  readonly kind: string
  readonly read: ReadValue<unknown>
  readonly accepts: readonly (readonly [raw: unknown, value: unknown])[]
  readonly refuses: readonly unknown[]
}[] = [
  {
    kind: 'a text',
    read: text,
    accepts: [[' a b ', 'a b']],
    refuses: ['', '  ', 5, true, null, undefined, ['a']],
  },
  {
    kind: 'a count',
    read: count(64),
    accepts: [
      [1, 1],
      [64, 64],
      [' 7 ', 7],
      ['007', 7],
    ],
    refuses: [
      0,
      65,
      '65',
      -1,
      '-1',
      1.5,
      '1.5',
      '1e1',
      '0x8',
      '',
      ' ',
      Number.NaN,
      Infinity,
      true,
      [5],
      null,
    ],
  },
  {
    kind: 'one of some words',
    read: oneOf(['embed', 'sidecar']),
    accepts: [['sidecar', 'sidecar']],
    refuses: ['Embed', ' embed', '', 0, undefined],
  },
  {
    kind: 'either of two kinds',
    read: either(oneOf(['auto']), count(8)),
    accepts: [
      ['auto', 'auto'],
      ['8', 8],
    ],
    refuses: ['9', 'Auto', ''],
  },
  {
    kind: 'a yes or no',
    read: flag,
    accepts: [
      [true, true],
      [false, false],
      [' Yes ', true],
      ['OFF', false],
      [1, true],
      [0, false],
    ],
    refuses: ['y', '', 2, null, ['true']],
  },
  {
    kind: 'a zone',
    read: zone,
    accepts: [[' Europe/Berlin ', 'Europe/Berlin']],
    refuses: ['+02:00', '-0500', 'Europe/Berlinn', '', 2],
  },
]

for (const { kind, read, accepts, refuses } of cases) {
  describe(kind, () => {
    for (const [raw, value] of accepts) {
      test(`takes ${JSON.stringify(raw)}`, () => assert.equal(read(raw), value))
    }
    for (const raw of refuses) {
      test(`refuses ${typeof raw} ${String(raw)}`, () => assert.equal(read(raw), undefined))
    }
  })
}

describe('counts', () => {
  const read = counts(8192)
  const cases: { raw: unknown; value: readonly number[] | undefined }[] = [
    { raw: '250,1440', value: [1440, 250] },
    { raw: ' 250 , 250 ', value: [250] },
    { raw: [100, '200'], value: [200, 100] },
    { raw: 512, value: [512] },
    { raw: '250,', value: undefined },
    { raw: '', value: undefined },
    { raw: [], value: undefined },
    { raw: '0', value: undefined },
    { raw: '9000', value: undefined },
    { raw: '1.5', value: undefined },
    { raw: { a: 1 }, value: undefined },
  ]
  for (const { raw, value } of cases) test(JSON.stringify(raw), () => assert.deepEqual(read(raw), value))
})
