import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { allCommands } from './command-tree.ts'
import { CONFIG_KEY_NAMES, CONFIG_KEYS, toFileKey, toVariable } from './config-keys.ts'
import { manPage } from './man-page.ts'
import { wholeTree } from './testing/whole-program.ts'

describe('the manual page', () => {
  const page = manPage(wholeTree(), { version: '1.2.3' })
  const plain = page.replaceAll('\\-', '-').replaceAll('\\(aq', "'").replaceAll('\\(ti', '~')

  for (const { path, flags, parameters, summary, examples } of allCommands(wholeTree()).slice(1)) {
    test(`has ${path.join(' ')} with all that its help has`, () => {
      const start = plain.indexOf(`.SS "${path.join(' ')}"\n`)
      assert.ok(start >= 0)
      const section = plain.slice(start, plain.indexOf('\n.S', start + 1))
      const flagLines = flags.map(
        ({ long, value }) => `\\fB${long}\\fR${value === undefined ? '\n' : ` \\fI${value}`}`,
      )
      const wanted = [summary, ...flagLines, ...parameters.map(({ name }) => `.I ${name}\n`), ...examples]
      const missing = wanted.filter((one) => !section.includes(one.replaceAll('…', '...')))
      assert.deepEqual(missing, [])
    })
  }

  test('has every setting with its variables', () => {
    const missing = CONFIG_KEY_NAMES.filter((key) => {
      const { alias } = CONFIG_KEYS[key]
      const names = [toVariable(key), ...(alias === undefined ? [] : [alias])]
      return !plain.includes(`.B ${names.join(', ')} (${toFileKey(key)})\n`)
    })
    assert.deepEqual(missing, [])
  })

  test('has the exit codes, the files and the version', () => {
    for (const code of ['0', '1', '2', '130']) assert.ok(plain.includes(`.TP\n.B ${code}\n`), code)
    assert.ok(plain.includes('.B LIBRARY/.heirloom/library.db'))
    assert.match(plain, /^\.TH HEIRLOOM 1 "" "heirloom 1\.2\.3" /mu)
  })

  test('is ASCII, and no line of text begins like a request', () => {
    assert.match(page, /^[\n\u0020-\u007E]*$/u)
    const requests = new Set(page.match(/^\.\S*/gmu))
    const known = [
      '.\\"',
      '.TH',
      '.SH',
      '.SS',
      '.B',
      '.I',
      '.RI',
      '.BR',
      '.TP',
      '.PP',
      '.nf',
      '.fi',
      '.RS',
      '.RE',
    ]
    assert.deepEqual(
      [...requests].filter((one) => !known.includes(one)),
      [],
    )
  })

  test('is set by groff without a warning', (t) => {
    const { status, stdout, stderr, error } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-c'], {
      input: page,
      encoding: 'utf8',
    })
    if (error !== undefined) return t.skip('groff is not on the PATH')
    assert.equal(status, 0)
    assert.equal(stderr, '')
    assert.match(stdout, /--parallel-exports/u)
    assert.match(stdout, /heirloom ingest ~\/Downloads\/takeout-20240101T000000Z-\*\.zip -o ~\/Photos/u)
  })

  test('sets what would be a request, an escape or a quotation mark as it is', (t) => {
    const odd = {
      ...wholeTree(),
      summary: '.SH no heading\n\'no request\\fBnot bold "ü"',
      commands: [],
    }
    const { stdout, error } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-c'], {
      input: manPage(odd, { version: '1' }),
      encoding: 'utf8',
    })
    if (error !== undefined) return t.skip('groff is not on the PATH')
    assert.match(stdout.replaceAll(/\s+/gu, ' '), /\.SH no heading 'no request\\fBnot bold "ü"/u)
  })
})
