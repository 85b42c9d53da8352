import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExportUploadSummary, UploadForecast, UploadSummary } from '../tasks/upload-api.ts'
import { createPaint } from './paint.ts'
import { hasUploadFailed, uploadNextStep, uploadSummaryLines } from './upload-summary.ts'

const style = { paint: createPaint(false), verbose: false, columns: 200 }

const sent: ExportUploadSummary = {
  name: 'Takeout',
  phase: 'finished',
  filesFound: 10,
  filesDone: 10,
  bytesFound: 1000,
  bytesDone: 1000,
  created: 10,
  present: 0,
  failed: 0,
  left: 0,
  trashed: 0,
  unsupported: 0,
  problems: [],
  problemCount: 0,
}

function summary(
  exports: readonly Partial<ExportUploadSummary>[],
  changes: Partial<UploadSummary> = {},
): UploadSummary {
  return {
    status: 'complete',
    library: '/photos',
    address: 'http://nas:2283',
    serverVersion: '3.1.0',
    exports: exports.map((one) => ({ ...sent, ...one })),
    durationMs: 1_500,
    problems: [],
    ...changes,
  }
}

function textOf(of: UploadSummary): string {
  return uploadSummaryLines(of, style).join('\n')
}

describe('an upload has failed', () => {
  const problem = { code: 'x', message: 'y' }
  const cases: { fact: string; of: UploadSummary; failed: boolean }[] = [
    { fact: 'when a file is left', of: summary([{ left: 1 }]), failed: true },
    {
      fact: 'when a file has a problem',
      of: summary([{ problemCount: 1, problems: [problem] }]),
      failed: true,
    },
    { fact: 'when the server has one', of: summary([{}], { problems: [problem] }), failed: true },
    {
      fact: 'when all files are there and the albums are not',
      of: summary([{ phase: 'failed', message: 'no albums' }]),
      failed: true,
    },
    { fact: 'never for what is in the trash', of: summary([{ trashed: 2, unsupported: 1 }]), failed: false },
  ]
  for (const { fact, of, failed } of cases) {
    test(`${failed ? '' : 'not: '}${fact}`, () => {
      assert.equal(hasUploadFailed(of), failed)
      assert.equal(/Uploaded in/u.test(uploadNextStep(of, style).join('\n')), !failed)
    })
  }
})

describe('the summary', () => {
  test('names why the albums of an export are missing', () => {
    const text = textOf(summary([{ phase: 'failed', message: 'adding 3 assets: no access' }]))
    assert.match(text, /1 problem in the upload of Takeout:\n {2}adding 3 assets: no access/u)
    const both = summary([
      {
        phase: 'failed',
        message: 'no albums',
        problemCount: 1,
        problems: [{ code: 'x', message: 'one file' }],
      },
    ])
    assert.match(textOf(both), /2 problems in the upload of Takeout:\n {2}no albums\n {2}one file/u)
  })

  test('does not add up what two exports share when nothing was sent', () => {
    const quiet = { created: 0, present: 7 }
    assert.match(textOf(summary([quiet])), /^Nothing to upload: all 7 files were on the server already$/mu)
    const both = textOf(summary([quiet, { ...quiet, name: 'again' }]))
    assert.match(both, /all that is to be sent of 2 exports was on the server already/u)
    assert.doesNotMatch(both, /14|Uploaded/u)
  })

  test('does not say that nothing was there to be sent when it was interrupted', () => {
    const text = textOf(summary([{ created: 0, present: 0 }], { status: 'interrupted' }))
    assert.doesNotMatch(text, /Nothing to upload/u)
    assert.match(text, /Interrupted/u)
  })

  test('says what lies in the trash of the server, and of which export', () => {
    assert.match(textOf(summary([{ trashed: 1 }])), /^1 file thrown away on the server: not sent again/mu)
    const two = textOf(summary([{ trashed: 3 }, { name: 'other', trashed: 0 }]))
    assert.match(two, /^3 files of Takeout thrown away on the server.*restore them in its trash/mu)
    assert.doesNotMatch(two, /of other/u)
  })

  test('of a dry run names the calls and that nothing was changed', () => {
    const forecast: UploadForecast = {
      files: 2,
      bytes: 10,
      present: 1,
      albums: 1,
      calls: { 'POST /assets': 2, 'POST /albums': 1 },
    }
    const text = textOf(summary([], { forecast }))
    assert.match(text, /^Calls: +3 at most$/mu)
    assert.match(text, /Dry run: nothing was changed on the server$/u)
  })
})
