import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatOffset, instantOf, parseMetadataDate, parseOffset } from './metadata-date.ts'

describe('parseMetadataDate', () => {
  const cases: { says: string; text: string; subSeconds?: string; date: unknown }[] = [
    {
      says: 'EXIF',
      text: '2008:10:22 16:28:39',
      date: { local: '2008-10-22T16:28:39', precision: 'second' },
    },
    {
      says: 'EXIF with hundredths beside it',
      text: '2022:03:31 11:31:56',
      subSeconds: '18 ',
      date: { local: '2022-03-31T11:31:56.180', precision: 'second' },
    },
    {
      says: 'ISO with offset and more digits than milliseconds',
      text: '2014-05-01T12:30:00.123456+02:00',
      date: { local: '2014-05-01T12:30:00.123', offsetMinutes: 120, precision: 'second' },
    },
    {
      says: 'a minute',
      text: '2014-05-01T12:30Z',
      date: { local: '2014-05-01T12:30:00', offsetMinutes: 0, precision: 'minute' },
    },
    { says: 'a day', text: '2014:05:01', date: { local: '2014-05-01T00:00:00', precision: 'day' } },
    { says: 'a month', text: '2014-05', date: { local: '2014-05-01T00:00:00', precision: 'month' } },
    { says: 'a year', text: '2014', date: { local: '2014-01-01T00:00:00', precision: 'year' } },
    { says: 'nothing: zeros', text: '0000:00:00 00:00:00', date: undefined },
    { says: 'nothing: blanks', text: '    :  :     :  :  ', date: undefined },
    { says: 'nothing: no such day', text: '2015:02:29 10:00:00', date: undefined },
    { says: 'nothing: no such hour', text: '2015:02:28 24:00:00', date: undefined },
    { says: 'nothing: words', text: 'yesterday', date: undefined },
  ]
  for (const { says, text, subSeconds, date } of cases) {
    test(`reads ${says}`, () => assert.deepEqual(parseMetadataDate(text, subSeconds), date))
  }

  test('never throws and never gives an invalid date', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789:-T Z+.\0') }), (text) => {
        const date = parseMetadataDate(text)
        if (date !== undefined) assert.ok(!Number.isNaN(instantOf(date.local, 0)), date.local)
      }),
    )
  })
})

describe('offsets', () => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -12 * 60, max: 14 * 60 }), (minutes) =>
        assert.equal(parseOffset(formatOffset(minutes)), minutes),
      ),
    )
  })
  test('that are blank or impossible are none', () => {
    for (const text of ['   :  ', '', '+25:00', '+02:75', 'CET']) assert.equal(parseOffset(text), undefined)
  })
})
