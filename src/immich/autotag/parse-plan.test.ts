import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decide } from './decide/decide.ts'
import { makePlan } from './decide/make-plan.ts'
import { rulesOf, snapshotOf } from './decide/testing/library.ts'
import { anyLibrary, anyRules } from './decide/testing/random-library.ts'
import { parsePlan } from './parse-plan.ts'
import type { AppliedFacts, Plan, Step } from './plan.ts'
import { planIdOf } from './plan-id.ts'

const NO_FACTS: AppliedFacts = { of: () => [], madeAlbums: new Map() }
const MADE_AT = '2026-11-22T09:15:00.000Z'
const DATE = { dateTimeOriginal: '2019-06-02T10:00:00.000+02:00', timeZone: 'Europe/Oslo' }
const ALBUM = { id: 'l-1', name: 'Lake' }
const SHARE = { rule: 'sharing/a', album: ALBUM, userId: 'u-2', email: 'bo@example.org' }

const STEPS: readonly Step[] = [
  { op: 'album.create', rule: 'albums/a', album: { key: 'Sea', name: 'Sea' }, description: '', assetIds: [] },
  { op: 'album.add', rule: 'albums/a', album: { key: 'Sea', name: 'Sea' }, assetIds: ['a-1'] },
  { op: 'tag.add', rule: 'checks/a', tag: 'auto/a', assetIds: ['a-1', 'a-2'] },
  { op: 'tag.remove', rule: 'checks/a', tag: 'auto/a', assetIds: ['a-3'] },
  {
    op: 'date.set',
    rule: 'dates',
    to: DATE,
    precision: 'day',
    assetIds: ['a-1', 'a-2'],
    before: [null, DATE],
  },
  { op: 'asset.set', rule: 'duplicates', to: { isFavourite: true }, assetIds: ['a-1'], before: [false] },
  { op: 'asset.set', rule: 'duplicates', to: { rating: 4 }, assetIds: ['a-1'], before: [null] },
  { op: 'asset.set', rule: 'duplicates', to: { rating: null }, assetIds: ['a-1'], before: [4] },
  { op: 'album.remove', rule: 'albums/a', album: ALBUM, assetIds: ['a-1'] },
  { op: 'share.add', ...SHARE, role: 'viewer' },
  { op: 'share.role', ...SHARE, role: 'editor', before: 'viewer' },
  { op: 'share.remove', ...SHARE, before: 'viewer' },
  {
    op: 'album.delete',
    rule: 'albums/a',
    album: ALBUM,
    before: { description: 'x', members: [{ userId: 'u-2', role: 'viewer' }] },
  },
]

function planWith(steps: readonly Step[]): Plan {
  const rest: Omit<Plan, 'id'> = {
    format: 1,
    madeAt: MADE_AT,
    server: { address: 'http://nas:2283', userId: 'u-1', version: { major: 3, minor: 1, patch: 0 } },
    rulesHash: 'a'.repeat(64),
    snapshot: { takenAt: MADE_AT, assets: 3, albums: { 'l-1': 'f' } },
    steps,
    overrides: [],
    remarks: [{ rule: 'dates', kind: 'date-unsure', says: 'no date', assetIds: ['a-9'] }],
  }
  return { id: planIdOf(rest), ...rest }
}

/** A plan with one thing in it made otherwise. */
function altered(path: readonly (string | number)[], value: unknown): string {
  const plan = structuredClone(planWith(STEPS)) as unknown as Record<string, unknown>
  const holder = path.slice(0, -1).reduce<Record<string, unknown>>((part, key) => part[key] as never, plan)
  holder[path.at(-1) ?? ''] = value
  return JSON.stringify(plan)
}

describe('parsePlan', () => {
  test('reads a plan with a step of each kind as it was written', () => {
    const plan = planWith(STEPS)
    assert.deepEqual(parsePlan(JSON.stringify(plan, undefined, 2)), plan)
  })

  test('reads what `plan --json` prints, which holds the plan', () => {
    const plan = planWith(STEPS)
    assert.deepEqual(parsePlan(JSON.stringify({ plan, calls: 9 })), plan)
  })

  test('reads every plan that rules make, with its id', () => {
    fc.assert(
      fc.property(anyLibrary, anyRules, (library, text) => {
        const snapshot = snapshotOf(library)
        const rules = rulesOf(text)
        const decision = decide(snapshot, rules, NO_FACTS)
        const plan = makePlan({ snapshot, rules, decision, facts: NO_FACTS, madeAt: MADE_AT })
        const read = parsePlan(JSON.stringify(plan))
        assert.deepEqual(read, JSON.parse(JSON.stringify(plan)))
        assert.equal(planIdOf(read), plan.id)
      }),
      { numRuns: 20 },
    )
  })

  const WRONG: readonly (readonly [path: readonly (string | number)[], value: unknown, says: RegExp])[] = [
    [['format'], '1', /read: format: /u],
    [['format'], 2, /read: it has format 2, and this version of heirloom knows 1$/u],
    [['id'], 'short', /read: id: /u],
    [['madeAt'], 'yesterday', /read: madeAt: /u],
    [['server', 'address'], 7, /read: server\.address: /u],
    [['server', 'version', 'major'], '3', /read: server\.version\.major: /u],
    [['snapshot', 'assets'], -1, /read: snapshot\.assets: /u],
    [['snapshot', 'albums'], { a: 1 }, /read: snapshot\.albums\.a: /u],
    [['steps'], {}, /read: steps: /u],
    [['steps', 0, 'op'], 'asset.delete', /read: steps\.0\.op: /u],
    [['steps', 1, 'album'], { id: 'l-1', key: 'Sea', name: 'Sea' }, /read: steps\.1\.album: /u],
    [['steps', 2, 'assetIds'], [], /read: steps\.2\.assetIds: expected a list of ids/u],
    [['steps', 2, 'assetIds'], ['a-1', 7], /read: steps\.2\.assetIds: /u],
    [['steps', 2, 'assetIds'], ['a'.repeat(201)], /read: steps\.2\.assetIds: /u],
    [['steps', 2, 'tag'], '', /read: steps\.2\.tag: /u],
    [['steps', 2, 'more'], 1, /read: steps\.2: /u],
    [['steps', 4, 'before'], [null], /read: steps\.4: before has not one of each asset/u],
    [['steps', 4, 'before'], [null, { ...DATE, more: 1 }], /read: steps\.4\.before: /u],
    [['steps', 4, 'to'], null, /read: steps\.4\.to: /u],
    [['steps', 5, 'before'], [], /read: steps\.5: before has not one of each asset/u],
    [['steps', 9, 'role'], 'owner', /read: steps\.9\.role: /u],
  ]
  for (const [path, value, says] of WRONG) {
    test(`refuses ${path.join('.')} ${JSON.stringify(value).slice(0, 40)}`, () => {
      assert.throws(() => parsePlan(altered(path, value)), says)
    })
  }

  for (const text of [
    '',
    'null',
    '7',
    '[]',
    '{}',
    '{"plan":null}',
    JSON.stringify(planWith([])).slice(0, -9),
  ]) {
    test(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(() => parsePlan(text), { code: 'autotag/bad-plan' })
    })
  }

  test('complains once of a list with a million wrong ids', () => {
    assert.throws(
      () =>
        parsePlan(
          altered(
            ['steps', 2, 'assetIds'],
            Array.from({ length: 1e6 }, () => 1),
          ),
        ),
      {
        message: 'the plan cannot be read: steps.2.assetIds: expected a list of ids',
      },
    )
  })
})
