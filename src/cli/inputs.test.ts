import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findOverlaps, groupParts, requireLibrary, resolveExports, resolveOriginals } from './inputs.ts'
import { UsageError } from './usage-error.ts'

describe('groupParts', () => {
  const cases: { fact: string; paths: string[]; exports: [string, string[]][] }[] = [
    {
      fact: 'parts of one takeout are one export, in part order',
      paths: ['/d/takeout-20240101T000000Z-002.zip', '/d/old', '/d/takeout-20240101T000000Z-001.zip'],
      exports: [
        [
          'takeout-20240101T000000Z',
          ['takeout-20240101T000000Z-001.zip', 'takeout-20240101T000000Z-002.zip'],
        ],
        ['old', ['old']],
      ],
    },
    {
      fact: 'the newer numbering, where 10 comes after 9',
      paths: ['/d/takeout-20240101T000000Z-10-001.zip', '/d/takeout-20240101T000000Z-9-001.zip'],
      exports: [
        [
          'takeout-20240101T000000Z',
          ['takeout-20240101T000000Z-9-001.zip', 'takeout-20240101T000000Z-10-001.zip'],
        ],
      ],
    },
    {
      fact: 'a part that a browser fetched twice belongs to it',
      paths: ['/d/takeout-20240101T000000Z-001.tgz', '/d/takeout-20240101T000000Z-001 (1).tgz'],
      exports: [
        [
          'takeout-20240101T000000Z',
          ['takeout-20240101T000000Z-001 (1).tgz', 'takeout-20240101T000000Z-001.tgz'],
        ],
      ],
    },
    {
      fact: 'other archives are exports of their own',
      paths: ['/d/photos-001.zip', '/d/photos-002.zip', '/d/a.tar.gz'],
      exports: [
        ['photos-001', ['photos-001.zip']],
        ['photos-002', ['photos-002.zip']],
        ['a', ['a.tar.gz']],
      ],
    },
    {
      fact: 'two of one name are told apart by the folder above',
      paths: ['/anna/Takeout', '/ben/takeout'],
      exports: [
        ['anna-Takeout', ['Takeout']],
        ['ben-takeout', ['takeout']],
      ],
    },
    { fact: 'one path given twice is one', paths: ['/d/a', '/d/a'], exports: [['a', ['a']]] },
    { fact: 'the root has a name', paths: ['/'], exports: [['root', ['']]] },
  ]
  for (const { fact, paths, exports } of cases) {
    test(fact, () => {
      assert.deepEqual(
        groupParts(paths).map(({ name, inputs }) => [name, inputs.map((input) => basename(input))]),
        exports,
      )
    })
  }
})

describe('the paths of a command line', () => {
  let cwd = ''
  before(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-inputs-')))
    for (const folder of ['Takeout', 'exports/b', 'exports/a', 'exports/.hidden', 'empty', 'zips']) {
      mkdirSync(join(cwd, folder), { recursive: true })
    }
    for (const file of ['notes.txt', 'exports/readme.txt', 'exports/c.zip', 'zips/a.zip', 'zips/b.tgz']) {
      writeFileSync(join(cwd, file), '')
    }
    symlinkSync(join(cwd, 'Takeout'), join(cwd, 'link'))
  })
  after(() => rmSync(cwd, { recursive: true }))

  const problemsOf = (run: () => unknown): readonly string[] => {
    try {
      run()
    } catch (error) {
      if (error instanceof UsageError) return error.problems
      throw error
    }
    return []
  }

  test('all that is wrong is said at once, with near names', () => {
    assert.deepEqual(
      problemsOf(() => resolveExports(['Takeuot', 'notes.txt', 'no/where', 'Takeout'], cwd)),
      [
        'no such file or folder: Takeuot, did you mean Takeout?',
        'notes.txt is neither a folder nor a .zip, .tgz or .tar.gz archive',
        'no such file or folder: no/where',
      ],
    )
  })

  test('a folder of archives only earns the hint to --originals', () => {
    assert.deepEqual(resolveExports(['zips'], cwd).warnings, [
      'zips holds only archives, which are not looked into there; to ingest them: --originals zips',
    ])
    assert.deepEqual(resolveExports(['exports'], cwd).warnings, [])
  })

  test('--originals takes what is not hidden, sorted by name', () => {
    assert.deepEqual(
      resolveOriginals('exports', cwd).exports.map(({ name }) => name),
      ['a', 'b', 'c'],
    )
  })

  test('--originals without any export is a problem', () => {
    assert.deepEqual(
      problemsOf(() => resolveOriginals('empty', cwd)),
      ['--originals empty: no sub-folder and no archive in it'],
    )
    assert.deepEqual(
      problemsOf(() => resolveOriginals('notes.txt', cwd)),
      ['--originals notes.txt: not a folder'],
    )
  })

  test('a library has to be a folder', () => {
    assert.equal(requireLibrary('Takeout', cwd), join(cwd, 'Takeout'))
    assert.deepEqual(
      problemsOf(() => requireLibrary('notes.txt', cwd)),
      ['notes.txt is not a folder'],
    )
  })

  const overlaps: { fact: string; library: string; found: number }[] = [
    { fact: 'a library beside the export is fine', library: 'library', found: 0 },
    { fact: 'a library whose name begins like the export is fine', library: 'Takeout-done', found: 0 },
    { fact: 'a library in the export is not', library: 'Takeout/library', found: 1 },
    { fact: 'a library in the export behind a link is not', library: 'link/deep/library', found: 1 },
    { fact: 'the export itself is not', library: 'Takeout', found: 1 },
    { fact: 'a library around the export is not', library: '.', found: 1 },
  ]
  for (const { fact, library, found } of overlaps) {
    test(fact, () => {
      const { exports } = resolveExports(['Takeout'], cwd)
      assert.equal(findOverlaps(exports, join(cwd, library)).length, found)
    })
  }

  test('a missing folder is not confused with a missing file', () => {
    assert.equal(dirname(join(cwd, 'x')), cwd)
    assert.deepEqual(
      problemsOf(() => resolveExports(['notes.txt/x'], cwd)),
      ['no such file or folder: notes.txt/x'],
    )
  })
})
