import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AT, byName, ROOT, read, TAKEN, TRIP, YEAR } from '../../../test/support/google-photos-reading.ts'
import { decideTaken } from '../../media/dates.ts'
import type { Taken, TakenEvidence } from '../../media/metadata.ts'

const NOW = Date.UTC(2026, 0, 1)
const CAMERA: TakenEvidence = {
  source: 'embedded',
  detail: 'DateTimeOriginal',
  local: '2015-08-01T12:00:00',
  precision: 'second',
}

/** The date of a picture whose JSON names {@link AT} as taken, and this time as that of its upload. */
async function decideAfter(
  creationTime: object,
  evidence: readonly TakenEvidence[],
): Promise<Taken | undefined> {
  const { items } = await read({
    [`${YEAR}/a.jpg`]: 1,
    [`${YEAR}/a.jpg.json`]: { ...TAKEN, creationTime, title: 'a.jpg' },
  })
  return decideTaken({ evidence: [...evidence, ...(items[0]?.taken ?? [])], now: NOW })
}

describe('read: dates', () => {
  test('tells the time of upload behind the time taken', async () => {
    const { items } = await read({
      [`${YEAR}/a.jpg`]: 1,
      [`${YEAR}/a.jpg.json`]: { ...TAKEN, creationTime: { timestamp: '1625500000' }, title: 'a.jpg' },
    })
    assert.deepEqual(
      items[0]?.taken.map(({ detail, at }) => [detail, at]),
      [
        ['photoTakenTime', AT],
        ['creationTime', 1_625_500_000_000],
        ['year-folder', undefined],
      ],
    )
  })

  test('a picture that is dated by its upload keeps the date of its camera', async () => {
    const taken = await decideAfter({ timestamp: '1625437000' }, [CAMERA])
    assert.equal(taken?.local, CAMERA.local)
    assert.equal(taken?.source, 'embedded')
  })

  test('a picture whose date was corrected long after its upload has the corrected one', async () => {
    const taken = await decideAfter({ timestamp: '1725437000' }, [CAMERA])
    assert.equal(taken?.at, AT)
    assert.equal(taken?.detail, 'photoTakenTime')
  })

  test('the time of upload dates only what has no other date', async () => {
    const upload = { creationTime: { timestamp: '1625500000' }, title: 'a.jpg' }
    const { items } = await read({
      [`${TRIP}/a.jpg`]: 1,
      [`${TRIP}/a.jpg.json`]: upload,
      [`${YEAR}/b.jpg`]: 1,
      [`${YEAR}/b.jpg.json`]: { ...upload, title: 'b.jpg' },
    })
    const decide = (name: string, ...more: TakenEvidence[]): string | undefined =>
      decideTaken({ evidence: [...byName(items, name).taken, ...more], now: NOW })?.detail
    assert.equal(decide('a.jpg'), 'creationTime')
    const named: TakenEvidence = {
      source: 'file-name',
      detail: 'yyyymmdd',
      local: '2012-03-04T00:00:00',
      precision: 'day',
    }
    assert.equal(decide('a.jpg', named), 'yyyymmdd')
    const fileTime: TakenEvidence = { source: 'file-time', detail: 'mtime', at: AT, precision: 'second' }
    assert.equal(decide('a.jpg', fileTime), 'creationTime')
    const other = decideTaken({
      evidence: [
        { source: 'folder-name', detail: 'year-folder', local: '2012-01-01T00:00:00', precision: 'year' },
        ...byName(items, 'a.jpg').taken,
      ],
      now: NOW,
    })
    assert.equal(other?.detail, 'year-folder')
  })

  test('the folder of 1970 dates only what was taken then: it holds what Google has no time of, too', async () => {
    const year = `${ROOT}/Photos from 1970`
    const { items } = await read({
      [`${year}/zero.jpg`]: 1,
      [`${year}/zero.jpg.json`]: { title: 'zero.jpg', photoTakenTime: { timestamp: '0' } },
      [`${year}/bare.jpg`]: 1,
      [`${year}/then.jpg`]: 1,
      [`${year}/then.jpg.json`]: { title: 'then.jpg', photoTakenTime: { timestamp: '15000000' } },
      [`${ROOT}/Photos from 1971/later.jpg`]: 1,
    })
    const told = (name: string): unknown => {
      const { taken, isUndated } = byName(items, name)
      return [isUndated ?? false, ...taken.map(({ detail }) => detail)]
    }
    assert.deepEqual(told('zero.jpg'), [true])
    assert.deepEqual(told('bare.jpg'), [true])
    assert.deepEqual(told('then.jpg'), [false, 'photoTakenTime', 'year-folder'])
    assert.deepEqual(told('later.jpg'), [false, 'year-folder'])
  })
})
