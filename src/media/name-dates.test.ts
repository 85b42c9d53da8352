import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Precision } from './metadata.ts'
import { findDateInFolder, findDateInName } from './name-dates.ts'

const NOW = Date.UTC(2026, 0, 1, 12)

/** `local` for wall clocks, an ISO instant ending in Z for UTC. */
interface Case {
  readonly name: string
  readonly time: string
  readonly precision?: Precision
}

describe('findDateInName', () => {
  const cases: readonly Case[] = [
    // Phones
    { name: 'IMG_20190704_223005.jpg', time: '2019-07-04T22:30:05' },
    { name: 'VID_20190704_223005.mp4', time: '2019-07-04T22:30:05' },
    { name: '20190704_223005.jpg', time: '2019-07-04T22:30:05' },
    { name: '20190704-223005.jpg', time: '2019-07-04T22:30:05' },
    { name: 'IMG_20190704_223005123.jpg', time: '2019-07-04T22:30:05.123' },
    { name: 'IMG_20190704_223005_HDR.jpg', time: '2019-07-04T22:30:05' },
    { name: 'IMG_20190704_223005~2.jpg', time: '2019-07-04T22:30:05' },
    { name: 'IMG_20190704_223005_123.jpg', time: '2019-07-04T22:30:05' },
    { name: '20190704_223005(1).jpg', time: '2019-07-04T22:30:05' },
    { name: 'MVIMG_20180722_120942', time: '2018-07-22T12:09:42' },
    { name: 'WP_20150704_22_30_05_Pro.jpg', time: '2015-07-04T22:30:05' },
    { name: 'WP_20150704_001.jpg', time: '2015-07-04T00:00:00', precision: 'day' },
    { name: 'CameraZOOM-20131224200623261.jpg', time: '2013-12-24T20:06:23.261' },
    { name: 'DJI_20210704223005_0001_D.MP4', time: '2021-07-04T22:30:05' },
    { name: 'trip/2019/IMG_20190704_223005.jpg', time: '2019-07-04T22:30:05' },
    // Google's Pixel camera writes UTC
    { name: 'PXL_20211013_220651983.jpg', time: '2021-10-13T22:06:51.983Z' },
    { name: 'PXL_20211013_220651983.NIGHT~2.jpg', time: '2021-10-13T22:06:51.983Z' },
    { name: 'PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg', time: '2023-08-09T20:34:49.253Z' },
    // Bursts
    { name: 'BURST20180126114752.jpg', time: '2018-01-26T11:47:52' },
    { name: '00001IMG_00001_BURST20181229213517346_COVER.jpg', time: '2018-12-29T21:35:17.346' },
    { name: '00100lrPORTRAIT_00100_BURST20181229213517346_COVER.jpg', time: '2018-12-29T21:35:17.346' },
    { name: '201801261147521000.jpg', time: '2018-01-26T11:47:52' },
    { name: '20180126114752.jpg', time: '2018-01-26T11:47:52' },
    { name: '00000IMG_00000_BURST1723801037429_COVER.jpg', time: '2024-08-16T09:37:17.429Z' },
    { name: 'FB_IMG_1586789012345.jpg', time: '2020-04-13T14:43:32.345Z' },
    { name: 'mmexport1586789012345.jpg', time: '2020-04-13T14:43:32.345Z' },
    { name: '1586789012345.jpg', time: '2020-04-13T14:43:32.345Z' },
    // Messengers
    { name: 'IMG-20150125-WA0003.jpg', time: '2015-01-25T00:00:00', precision: 'day' },
    { name: 'VID-20150125-WA0003.mp4', time: '2015-01-25T00:00:00', precision: 'day' },
    { name: 'WhatsApp Image 2021-07-04 at 22.30.05.jpeg', time: '2021-07-04T22:30:05' },
    { name: 'WhatsApp Video 2021-07-04 at 22.30.05 (1).mp4', time: '2021-07-04T22:30:05' },
    { name: 'signal-2021-07-04-223005.jpg', time: '2021-07-04T22:30:05' },
    { name: 'signal-2021-07-04-223005_002.jpeg', time: '2021-07-04T22:30:05' },
    { name: 'signal-2021-07-04-22-30-05-123.jpg', time: '2021-07-04T22:30:05.123' },
    { name: 'photo_2021-07-04_22-30-05.jpg', time: '2021-07-04T22:30:05' },
    { name: 'photo_1@04-07-2021_22-30-05_2021-07-04_22-30-05.jpg', time: '2021-07-04T22:30:05' },
    // Screenshots
    { name: 'Screenshot_20231027_123303_Facebook.jpg', time: '2023-10-27T12:33:03' },
    { name: 'Screenshot_20180424-141152_com.example.app.jpg', time: '2018-04-24T14:11:52' },
    { name: 'Screenshot_2018-12-31-23-59-59-123_com.app.jpg', time: '2018-12-31T23:59:59.123' },
    { name: 'Screenshot_2018-12-31-23-59-59.png', time: '2018-12-31T23:59:59' },
    { name: 'Screenshot from 2021-07-04 22-30-05.png', time: '2021-07-04T22:30:05' },
    { name: 'Screenshot 2021-07-04 at 22.30.05.png', time: '2021-07-04T22:30:05' },
    { name: 'Screenshot 2021-07-04 223005.png', time: '2021-07-04T22:30:05' },
    { name: 'Screen Shot 2021-07-04 at 10.30.05 PM.png', time: '2021-07-04T22:30:05' },
    { name: 'Screen Shot 2021-07-04 at 1.30.05\u202fAM.png', time: '2021-07-04T01:30:05' },
    { name: 'Screen Shot 2021-07-04 at 12.30.05 AM (2).png', time: '2021-07-04T00:30:05' },
    { name: 'Bildschirmfoto 2021-07-04 um 22.30.05.png', time: '2021-07-04T22:30:05' },
    { name: "Capture d'écran 2021-07-04 à 22.30.05.png", time: '2021-07-04T22:30:05' },
    { name: "Capture d'écran 2021-07-04 à 22.30.05.png".normalize('NFD'), time: '2021-07-04T22:30:05' },
    { name: '截屏2021-07-04 下午10.30.05.png', time: '2021-07-04T22:30:05' },
    // Programs and people
    { name: '2014-09-01 15.30.00.jpg', time: '2014-09-01T15:30:00' },
    { name: '2014_09_01_15_30_00.jpg', time: '2014-09-01T15:30:00' },
    { name: '2014-09-01-15-30-00.jpg', time: '2014-09-01T15:30:00' },
    { name: '2014.09.01 15.30.00.jpg', time: '2014-09-01T15:30:00' },
    { name: '2014-09-01T15:30:00.jpg', time: '2014-09-01T15:30:00' },
    { name: '2014-09-01T15-30-00Z.jpg', time: '2014-09-01T15:30:00Z' },
    { name: '20140901T153000.123Z.jpg', time: '2014-09-01T15:30:00.123Z' },
    { name: '20140901T1530.jpg', time: '2014-09-01T15:30:00', precision: 'minute' },
    { name: 'Party 2014-09-01 at 15.30.jpg', time: '2014-09-01T15:30:00', precision: 'minute' },
    { name: '2014-09-01 Party.jpg', time: '2014-09-01T00:00:00', precision: 'day' },
    {
      name: '2021-03-04_3f2a9c1e-1111-2222-3333-444455556666-main.jpg',
      time: '2021-03-04T00:00:00',
      precision: 'day',
    },
    { name: '20140901.jpg', time: '2014-09-01T00:00:00', precision: 'day' },
    { name: '1955-07-04 Wedding.jpg', time: '1955-07-04T00:00:00', precision: 'day' },
    { name: 'scan 19991231.tif', time: '1999-12-31T00:00:00', precision: 'day' },
    // The time is none, the day is
    { name: '20140901_996061.jpg', time: '2014-09-01T00:00:00', precision: 'day' },
    { name: '20140901_12345.jpg', time: '2014-09-01T00:00:00', precision: 'day' },
    { name: '2020-02-29.jpg', time: '2020-02-29T00:00:00', precision: 'day' },
  ]
  for (const { name, time, precision = 'second' } of cases) {
    test(name, () => {
      const found = findDateInName(name, NOW)
      assert.equal(found?.source, 'file-name')
      assert.equal(found.precision, precision)
      if (time.endsWith('Z')) assert.equal(found.at, Date.parse(time))
      else assert.equal(found.local, time)
    })
  }

  const none: readonly string[] = [
    'Snapchat-431959199.mp4',
    '991231-125200.jpg',
    '20223112-125200.jpg',
    '2024.jpg',
    '2024-05.jpg',
    'IMG_1234.jpg',
    'DSC00042.JPG',
    '_DSC0016.jpg',
    '04.07.2019.jpg',
    '07-04-2019.jpg',
    '20190229_120000.jpg',
    '20191301_120000.jpg',
    '20190732.jpg',
    '19550704_120000.jpg',
    '21000704_120000.jpg',
    '2019-07_04.jpg',
    '120190704_120000.jpg',
    '10153412345678901_n.jpg',
    '1723801037.jpg',
    '1000000000000.jpg',
    '9999999999999.jpg',
    '1920x1080.png',
    '550e8400-e29b-41d4-a716-446655440000.jpg',
    '00000000_000000.jpg',
    '0000-00-00 00.00.00.jpg',
    '',
    '.jpg',
  ]
  for (const name of none) {
    test(`${JSON.stringify(name)} has no date`, () => assert.equal(findDateInName(name, NOW), undefined))
  }

  test('up to a day in the future is a clock in another zone, later is no date', () => {
    assert.notEqual(findDateInName('IMG_20260102_110000.jpg', NOW), undefined)
    assert.equal(findDateInName('IMG_20260103_130000.jpg', NOW), undefined)
    assert.notEqual(findDateInName(`IMG_${NOW}.jpg`, NOW), undefined)
    assert.equal(findDateInName(`IMG_${NOW + 90_000_000}.jpg`, NOW), undefined)
  })

  test('every wall clock since 1980 is found again, whatever stands between its parts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(1980, 0, 1) / 1000, max: NOW / 1000 }),
        fc.constantFrom('', '-', '_', '.', ' '),
        fc.constantFrom('-', '_', ' ', 'T', ' at ', '--', ', '),
        fc.constantFrom('', '-', '_', '.', ':'),
        fc.stringMatching(/^[A-Za-z_ -]{0,12}$/u).filter((word) => !/pxl/iu.test(word)),
        fc.constantFrom('.jpg', '_x.mp4', '(2).png', ' copy.heic'),
        (seconds, ds, join, ts, before, after) => {
          const local = new Date(seconds * 1000).toISOString().slice(0, 19)
          const [date = '', time = ''] = local.split('T')
          const name = `${before}${date.replaceAll('-', ds)}${join}${time.replaceAll(':', ts)}${after}`
          assert.equal(findDateInName(name, NOW)?.local, local, name)
        },
      ),
    )
  })

  test('hostile names cost no time', () => {
    const start = process.cpuUsage()
    for (const name of [
      '2019'.repeat(5000),
      '2019-07-04 '.repeat(3000),
      '1'.repeat(100_000),
      '20190704_'.repeat(9000),
    ]) {
      findDateInName(name, NOW)
      findDateInFolder(`${name}/${name}/a.jpg`, NOW)
    }
    assert.ok(process.cpuUsage(start).user / 1000 < 500)
  })

  test('never throws, and never finds a time that is none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const found = findDateInName(name, NOW)
        assert.ok(found === undefined || found.local !== undefined || found.at !== undefined)
      }),
    )
  })
})

describe('findDateInFolder', () => {
  const cases: readonly { path: string; date: string; precision: Precision }[] = [
    { path: '2019-07-04 Trip/a.jpg', date: '2019-07-04', precision: 'day' },
    { path: 'Photos/20190704/a.jpg', date: '2019-07-04', precision: 'day' },
    { path: '2019/07/04/a.jpg', date: '2019-07-04', precision: 'day' },
    { path: '2019/07/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '2019/07 July/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '2019/07 - Summer/04/a.jpg', date: '2019-07-04', precision: 'day' },
    { path: '2019-07/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '2019-07/04/a.jpg', date: '2019-07-04', precision: 'day' },
    { path: '2019.07 Norway/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '201907/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '2019/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: '1975/a.jpg', date: '1975-01-01', precision: 'year' },
    { path: '2019/Birthday/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: 'Photos from 2019/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: '2019 Norway/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: 'Summer 2019/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: '2019/Photos 2018/a.jpg', date: '2018-01-01', precision: 'year' },
    { path: '2019-07-04 - 2019-07-10 Norway/a.jpg', date: '2019-07-01', precision: 'month' },
    { path: '2019-07-04 - 2019-08-10/a.jpg', date: '2019-01-01', precision: 'year' },
    { path: '1955-07-04 Wedding/a.jpg', date: '1955-07-04', precision: 'day' },
  ]
  for (const { path, date, precision } of cases) {
    test(path, () => {
      const found = findDateInFolder(path, NOW)
      assert.deepEqual(
        [found?.source, found?.local, found?.precision],
        ['folder-name', `${date}T00:00:00`, precision],
      )
    })
  }

  test('a folder named by date and minute tells both', () => {
    const found = findDateInFolder('20190704T1830/a.jpg', NOW)
    assert.deepEqual([found?.local, found?.precision], ['2019-07-04T18:30:00', 'minute'])
  })

  for (const path of [
    'a.jpg',
    'DCIM/100CANON/a.jpg',
    '07/04/a.jpg',
    '2019-07-04.jpg',
    '2031/a.jpg',
    '1234/a.jpg',
    'IMG 4711 and 1080/a.jpg',
    '2019-2020 Norway/a.jpg',
    '04.07.2019/a.jpg',
    '2019-07-04 - 2021-08-10/a.jpg',
  ]) {
    test(`${path} has no date`, () => assert.equal(findDateInFolder(path, NOW), undefined))
  }
})
