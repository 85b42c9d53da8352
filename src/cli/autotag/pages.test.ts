import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RunSummary } from '../../immich/autotag/autotag-jobs.ts'
import type { Step } from '../../immich/autotag/plan.ts'
import { planOf, RUN, TAG_STEP } from '../testing/autotag-jobs.ts'
import { planPage } from './plan-page.ts'
import { reportPage } from './report-view.ts'

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='a'>\u202Egnp\u0007`

/** What a page must not have, whatever the names in it are. */
function assertHarmless(page: string): void {
  assert.doesNotMatch(page, /<script|<img|\u202E/u)
  assert.ok(!page.includes('\u0007'))
  assert.match(page, /Content-Security-Policy" content="default-src 'none'/u)
  for (const { groups } of page.matchAll(/href="(?<address>[^"]*)"/gu)) {
    assert.match(groups?.['address'] ?? '', /^http:\/\/nas\.local:2283\//u)
  }
}

const share = { rule: HOSTILE, album: { id: HOSTILE, name: HOSTILE }, userId: HOSTILE, email: HOSTILE }
const STEPS: readonly Step[] = [
  { ...TAG_STEP, rule: HOSTILE, tag: HOSTILE, assetIds: [HOSTILE] },
  {
    op: 'album.create',
    rule: HOSTILE,
    album: { key: HOSTILE, name: HOSTILE },
    description: HOSTILE,
    assetIds: [],
  },
  {
    op: 'date.set',
    rule: HOSTILE,
    to: { dateTimeOriginal: HOSTILE, timeZone: null },
    precision: 'day',
    assetIds: ['a'],
    before: [{ dateTimeOriginal: HOSTILE, timeZone: null }],
  },
  { op: 'share.add', ...share, role: 'viewer' },
  { op: 'share.remove', ...share, before: 'viewer' },
]

describe('the page of a plan', () => {
  test('lets no name into its markup', () => {
    const page = planPage(
      planOf(STEPS, {
        overrides: [
          {
            rule: HOSTILE,
            fact: { kind: 'tag', value: HOSTILE, is: true },
            subjectId: HOSTILE,
            says: HOSTILE,
          },
        ],
        remarks: [{ rule: HOSTILE, kind: 'album-missing', says: HOSTILE, assetIds: [HOSTILE, 'b'] }],
      }),
    )
    assertHarmless(page)
    assert.match(page, /&lt;script&gt;alert\(1\)/u)
  })

  test('links to two hundred assets of a step, and counts the others', () => {
    const page = planPage(
      planOf([{ ...TAG_STEP, assetIds: Array.from({ length: 250 }, (_, at) => `a-${at}`) }]),
    )
    assert.equal([...page.matchAll(/href="http:\/\/nas\.local:2283\/photos\/a-\d+"/gu)].length, 200)
    assert.match(page, /250 assets<\/summary>/u)
    assert.match(page, /and 50 more, in the plan's JSON/u)
  })

  test('says so when there is nothing to change', () => {
    const page = planPage(planOf([]))
    assert.match(page, /<h1>Nothing to change<\/h1>/u)
    assert.doesNotMatch(page, /<section>/u)
  })
})

describe('the page of a report', () => {
  test('lets no name into its markup', () => {
    const run: RunSummary = { ...RUN, id: HOSTILE, changes: { 'tag.add': 1200 }, failed: 3 }
    const page = reportPage({
      runs: [run],
      links: [{ name: HOSTILE, kind: 'album', address: 'http://nas.local:2283/albums/l-1' }],
    })
    assertHarmless(page)
    assert.match(page, /1,200 tags given/u)
    assert.match(page, /3 failed/u)
  })

  test('says so when no rules were applied yet', () => {
    const page = reportPage({ runs: [], links: [] })
    assert.match(page, /No rules were applied yet/u)
    assert.doesNotMatch(page, /Where to look/u)
  })
})
