import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EmbeddedMetadata, Taken, TakenEvidence, WantedMetadata } from './metadata.ts'
import { planPatch } from './plan-patch.ts'

const NOTHING: EmbeddedMetadata = { taken: [], people: [], keywords: [] }
const WANT_NOTHING: WantedMetadata = { people: [], albums: [] }
const TAKEN: Taken = {
  local: '2014-05-01T12:30:00',
  at: Date.parse('2014-05-01T10:30:00Z'),
  offsetMinutes: 120,
  precision: 'second',
  source: 'export',
  detail: 'photoTakenTime',
  zone: 'position',
}

function camera(local: string, detail = 'DateTimeOriginal'): TakenEvidence {
  return { source: 'embedded', detail, local, precision: 'second' }
}

describe('the date', () => {
  const written = { taken: { local: TAKEN.local, at: TAKEN.at, offsetMinutes: 120 } }
  const cases: { rule: string; evidence: TakenEvidence[]; taken?: Partial<Taken>; patch: unknown }[] = [
    { rule: 'is written where the file has none', evidence: [], patch: written },
    {
      rule: 'is written beside a date of the last change',
      evidence: [camera('2020-01-01T10:00:00', 'ModifyDate')],
      patch: written,
    },
    {
      rule: 'is written over the start of a reset clock',
      evidence: [camera('2000-01-01T00:00:13')],
      patch: written,
    },
    {
      rule: 'never replaces a plausible camera date',
      evidence: [camera('2011-02-03T04:05:06')],
      patch: undefined,
    },
    { rule: 'never replaces fireworks', evidence: [camera('2012-01-01T00:00:13')], patch: undefined },
    {
      rule: 'never replaces the time of a video, which is an instant',
      evidence: [{ source: 'embedded', detail: 'QuickTime:CreateDate', at: 1.3e12, precision: 'second' }],
      patch: undefined,
    },
    {
      rule: 'gives its zone to the same camera date',
      evidence: [camera('2014-05-01T12:30:00.550')],
      patch: { offsetMinutes: 120 },
    },
    {
      rule: 'gives no zone that is only the user’s',
      evidence: [camera('2014-05-01T12:30:00')],
      taken: { zone: 'user' },
      patch: undefined,
    },
    {
      rule: 'gives no zone where one is stated',
      evidence: [{ ...camera('2014-05-01T12:30:00'), offsetMinutes: 120, at: TAKEN.at }],
      patch: undefined,
    },
    {
      rule: 'is not written when only the month is known',
      evidence: [],
      taken: { precision: 'month' },
      patch: undefined,
    },
  ]
  for (const { rule, evidence, taken, patch } of cases) {
    test(rule, () => {
      const wanted = { ...WANT_NOTHING, taken: { ...TAKEN, ...taken } }
      assert.deepEqual(planPatch({ ...NOTHING, taken: evidence }, wanted), patch)
    })
  }

  test('is written over one that lies in the future', () => {
    const embedded = { ...NOTHING, taken: [camera('2036-01-05T10:00:00')] }
    const wanted = { ...WANT_NOTHING, taken: TAKEN }
    assert.deepEqual(planPatch(embedded, wanted, Date.UTC(2026, 0, 1)), written)
    assert.equal(planPatch(embedded, wanted, Date.UTC(2037, 0, 1)), undefined)
  })
})

describe('words and names', () => {
  test('nothing is written where nothing is new', () => {
    const embedded = {
      ...NOTHING,
      caption: 'At the sea, 2014',
      people: ['Zoe\u0308'],
      rating: 3,
      originalName: 'a.jpg',
    }
    const wanted = { ...WANT_NOTHING, caption: 'At the sea', favourite: true, originalName: 'b.jpg' }
    assert.equal(planPatch(embedded, wanted), undefined)
  })
  test('a caption of the file stays, another of the export goes behind it', () => {
    const patch = planPatch({ ...NOTHING, caption: 'Mum' }, { ...WANT_NOTHING, caption: 'Dad' })
    assert.deepEqual(patch, { caption: 'Mum\n\nDad' })
    assert.equal(
      planPatch({ ...NOTHING, caption: 'Mum\n\nDad' }, { ...WANT_NOTHING, caption: 'Dad' }),
      undefined,
    )
  })
  test('line breaks of another system make no other caption', () => {
    const embedded = { ...NOTHING, caption: 'Mum\nDad' }
    assert.equal(planPatch(embedded, { ...WANT_NOTHING, caption: 'Mum\r\nDad' }), undefined)
  })
  test('a longer caption of the export takes the place of the one it contains', () => {
    const patch = planPatch({ ...NOTHING, caption: 'Mum' }, { ...WANT_NOTHING, caption: 'Mum and Dad' })
    assert.deepEqual(patch, { caption: 'Mum and Dad' })
  })
  test('people and albums are added, in either spelling of an accent once', () => {
    const embedded = { ...NOTHING, people: ['Zoe\u0308'], keywords: ['Summer'] }
    assert.deepEqual(planPatch(embedded, { people: ['Zo\u00eb', 'Bob'], albums: ['Summer', 'A|B'] }), {
      people: ['Bob'],
      keywords: ['A|B'],
      hierarchicalKeywords: ['People|Zo\u00eb', 'People|Bob', 'Album|Summer', 'Album|A/B'],
    })
  })
  test('keywords are added to those that are there, with their levels', () => {
    const embedded = { ...NOTHING, keywords: ['Sea', 'Places|Italy'] }
    const keywords = ['Sea', 'Boat', 'Places|Italy', 'Places|Italy|Rome']
    assert.deepEqual(planPatch(embedded, { ...WANT_NOTHING, keywords }), {
      keywords: ['Boat'],
      hierarchicalKeywords: ['Places|Italy|Rome'],
    })
  })
  test('stars are written only where there are none, and those given count for more than a favourite', () => {
    const wanted = { ...WANT_NOTHING, rating: 3, favourite: true }
    assert.deepEqual(planPatch({ ...NOTHING, rating: 0 }, wanted), { rating: 3 })
    assert.equal(planPatch({ ...NOTHING, rating: 1 }, wanted), undefined)
    assert.equal(planPatch(NOTHING, { ...WANT_NOTHING, rating: 0 }), undefined)
  })
  test('a favourite gets five stars only where there are none', () => {
    const wanted = { ...WANT_NOTHING, favourite: true }
    assert.deepEqual(planPatch({ ...NOTHING, rating: 0 }, wanted), { rating: 5 })
    assert.equal(planPatch({ ...NOTHING, rating: 2 }, wanted), undefined)
  })
  test('a position is written only where the file has none', () => {
    const position = { latitude: 1, longitude: 2 }
    assert.deepEqual(planPatch(NOTHING, { ...WANT_NOTHING, position }), { position })
    assert.equal(
      planPatch({ ...NOTHING, position }, { ...WANT_NOTHING, position: { latitude: 3, longitude: 4 } }),
      undefined,
    )
  })
})
