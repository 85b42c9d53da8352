import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExportPhase, IngestProgress } from '../tasks/ingest-api.ts'
import { createProgressView } from './live-view.ts'
import { memoryIo } from './testing/memory-io.ts'

const HIDE = '\u001B[?25l'
const SHOW = '\u001B[?25h'
const BACK = '\r\u001B[2A'
const CLEAR_LINE = '\u001B[2K'
const CLEAR_BELOW = '\u001B[J'

function progress(phase: ExportPhase, filesDone = 5): IngestProgress {
  return {
    exports: [
      {
        name: 'Takeout',
        phase,
        filesFound: 10,
        filesDone,
        bytesFound: 100,
        bytesDone: filesDone * 10,
        imported: filesDone,
        duplicates: 0,
        sidecars: 0,
        ignored: 0,
        failed: 0,
      },
    ],
    startedAt: 0,
    now: 1000,
    filesPerSecond: 5,
    bytesPerSecond: 50,
  }
}

const live = { json: false, color: false }

describe('the live view', () => {
  test('hides the cursor while it draws, and gives it back once', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    assert.ok(io.stderr.text().startsWith(HIDE))
    view.stop()
    view.stop()
    assert.equal(io.stderr.text().split(SHOW).length - 1, 1)
    assert.ok(io.stderr.text().endsWith(SHOW))
  })

  test('draws at most ten times a second, and the last state always', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    for (let call = 0; call < 1000; call += 1) {
      view.update(progress('placing', 1 + (call % 9)))
      io.clock.advance(1)
    }
    const pictures = io.stderr.text().split('files/s').length - 1
    assert.ok(pictures >= 9 && pictures <= 11, `${pictures} pictures in a second`)
    view.update(progress('finished', 10))
    view.stop()
    assert.match(
      io.stderr.text().replace(CLEAR_BELOW + SHOW, '(cursor)'),
      /finished {2}10 files\n[^\n]*\n\(cursor\)$/u,
    )
  })

  test('draws over the former picture line by line, without clearing it first', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    view.update(progress('placing', 6))
    io.clock.advance(100)
    const [, again = ''] = io.stderr.text().split(BACK)
    const [first = '', second = '', rest] = again.split('\n')
    assert.match(first.replace(CLEAR_LINE, '(clear)'), /^\(clear\)Takeout/u)
    assert.match(second.replace(CLEAR_LINE, '(clear)'), /^\(clear\).*files\/s/u)
    assert.equal(rest, CLEAR_BELOW)
    view.stop()
  })

  test('clears wrapped lines after the window became narrower', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    io.stderr.resize(30, 24)
    io.clock.advance(100)
    assert.ok(io.stderr.text().includes(`\r\u001B[4A${CLEAR_LINE}Takeout`))
    assert.ok(io.stderr.text().endsWith(`\n${CLEAR_BELOW}`))
    view.stop()
  })

  test('leaves what stands above it alone when its own lines still fit into the narrower window', () => {
    const io = memoryIo({ terminal: { columns: 200, rows: 24 } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    const widest = Math.max(
      ...io.stderr
        .text()
        .replace(HIDE, '')
        .split('\n')
        .map((line) => line.length),
    )
    assert.ok(widest < 100, `${widest} columns`)
    io.stderr.resize(100, 24)
    io.clock.advance(100)
    assert.ok(io.stderr.text().includes(`${BACK}${CLEAR_LINE}Takeout`))
    view.stop()
  })

  test('says something above the picture, and draws it again', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    view.say('finishing')
    assert.match(io.stderr.text().split(`${BACK}${CLEAR_BELOW}`)[1] ?? '', /^finishing\n.*Takeout/su)
    view.stop()
  })

  test('gives the cursor back when the process ends in the middle', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    createProgressView(io, live).update(progress('placing'))
    io.exit(1)
    assert.ok(io.stderr.text().endsWith(SHOW))
  })

  test('writes nothing after stop but what is said', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, live)
    view.stop()
    const before = io.stderr.text()
    view.update(progress('placing'))
    io.clock.advance(1000)
    io.stderr.resize(40, 10)
    io.clock.advance(1000)
    assert.equal(io.stderr.text(), before)
  })
})

describe('the view in a pipe', () => {
  test('writes a line at each new phase, and every ten seconds in between', () => {
    const io = memoryIo()
    const view = createProgressView(io, live)
    view.update(progress('waiting', 0))
    view.update(progress('placing', 0))
    for (let second = 0; second < 25; second += 1) {
      io.clock.advance(1000)
      view.update(progress('placing', 5))
    }
    view.update(progress('finished', 10))
    view.stop()
    assert.deepEqual(io.stderr.text().trimEnd().split('\n'), [
      'Takeout: placing 10 files, 100 B',
      'Takeout: placing 50%, 5 of 10 files, 5.0 files/s, 50 B/s',
      'Takeout: placing 50%, 5 of 10 files, 5.0 files/s, 50 B/s',
      'Takeout: finished, 10 files',
    ])
  })

  test('TERM=dumb is a pipe', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 }, env: { TERM: 'dumb' } })
    const view = createProgressView(io, live)
    view.update(progress('placing'))
    view.stop()
    assert.equal(io.stderr.text().includes('\u001B'), false)
  })

  test('with --json each line is a JSON object, messages too', () => {
    const io = memoryIo({ terminal: { columns: 80, rows: 24 } })
    const view = createProgressView(io, { json: true, color: true })
    view.update(progress('placing'))
    view.say('finishing')
    view.stop()
    const lines = io.stderr
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['progress', 'message', 'progress'],
    )
  })
})
