import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  findEnclosingLibrary,
  findOverlaps,
  requireLibrary,
  resolveExports,
  resolveOriginals,
} from './inputs.ts'
import { UsageError } from './usage-error.ts'

describe('the paths of a command line', () => {
  let cwd = ''
  before(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-inputs-')))
    for (const folder of ['Takeout', 'exports/b', 'exports/a', 'exports/.hidden', 'empty', 'zips']) {
      mkdirSync(join(cwd, folder), { recursive: true })
    }
    for (const file of ['notes.txt', 'exports/readme.txt', 'exports/c.zip', 'zips/a.tar', 'zips/b.tgz']) {
      writeFileSync(join(cwd, file), '')
    }
    symlinkSync(join(cwd, 'Takeout'), join(cwd, 'link'))
  })
  after(() => rmSync(cwd, { recursive: true }))

  const problemsOf = async (run: () => unknown): Promise<readonly string[]> => {
    try {
      await run()
    } catch (error) {
      if (error instanceof UsageError) return error.problems
      throw error
    }
    return []
  }

  test('all that is wrong is said at once, with near names', async () => {
    assert.deepEqual(
      await problemsOf(() => resolveExports(['Takeuot', 'notes.txt', 'no/where', 'Takeout'], cwd)),
      [
        'no such file or folder: Takeuot, did you mean Takeout?',
        'notes.txt is neither a folder nor a .zip, .tgz, .tar.gz or .tar archive',
        'no such file or folder: no/where',
      ],
    )
  })

  test('a folder of archives only is looked into', async () => {
    const { exports, roots, warnings } = await resolveExports(['zips', 'zips/a.tar'], cwd)
    assert.deepEqual(exports, [
      { name: 'a', inputs: [join(cwd, 'zips/a.tar')] },
      { name: 'b', inputs: [join(cwd, 'zips/b.tgz')] },
    ])
    assert.deepEqual([roots, warnings], [[join(cwd, 'zips'), join(cwd, 'zips/a.tar')], []])
  })

  test('--originals takes what is not hidden, sorted by name, and says what it leaves out', async () => {
    const { exports, warnings } = await resolveOriginals('exports', cwd)
    assert.deepEqual(
      exports.map(({ name }) => name),
      ['a', 'b', 'c'],
    )
    assert.deepEqual(warnings, ['1 file in exports lies in no export and is left out: readme.txt'])
  })

  test('--originals without any export is a problem', async () => {
    assert.deepEqual(await problemsOf(() => resolveOriginals('empty', cwd)), [
      '--originals empty: no sub-folder and no archive in it',
    ])
    assert.deepEqual(await problemsOf(() => resolveOriginals('notes.txt', cwd)), [
      '--originals notes.txt: not a folder',
    ])
  })

  test('a library has to be a folder', async () => {
    assert.equal(requireLibrary('Takeout', cwd), join(cwd, 'Takeout'))
    assert.deepEqual(await problemsOf(() => requireLibrary('notes.txt', cwd)), ['notes.txt is not a folder'])
  })

  test('an empty path is not the working folder', async () => {
    assert.deepEqual(await problemsOf(() => requireLibrary('', cwd)), [
      'the path is empty: is a variable without a value?',
    ])
    assert.deepEqual(await problemsOf(() => resolveExports(['', 'Takeout', ''], cwd)), [
      'the path of an export is empty: is a variable without a value?',
      'the path of an export is empty: is a variable without a value?',
    ])
    assert.deepEqual(await problemsOf(() => resolveOriginals('', cwd)), [
      'the path of --originals is empty: is a variable without a value?',
    ])
  })

  const overlaps: { fact: string; library: string; export?: string; found: number }[] = [
    { fact: 'a library beside the export is fine', library: 'library', found: 0 },
    { fact: 'a library whose name begins like the export is fine', library: 'Takeout-done', found: 0 },
    { fact: 'a library in the export is not', library: 'Takeout/library', found: 1 },
    { fact: 'a library in the export behind a link is not', library: 'link/deep/library', found: 1 },
    { fact: 'the export itself is not', library: 'Takeout', found: 1 },
    { fact: 'a library around the export is not', library: '.', found: 1 },
    {
      fact: 'a library among the archives of a folder is not',
      library: 'zips/lib',
      export: 'zips',
      found: 1,
    },
  ]
  for (const { fact, library, export: path = 'Takeout', found } of overlaps) {
    test(fact, async () => {
      assert.equal(findOverlaps(await resolveExports([path], cwd), join(cwd, library)).length, found)
    })
  }

  test('a library inside another is seen, also behind a link, and no library lies inside itself', () => {
    const outer = join(cwd, 'Photos')
    mkdirSync(join(outer, '.heirloom'), { recursive: true })
    assert.equal(findEnclosingLibrary(join(outer, 'sub')), undefined)
    writeFileSync(join(outer, '.heirloom/library.db'), '')
    symlinkSync(outer, join(cwd, 'to-photos'))
    assert.equal(findEnclosingLibrary(outer), undefined)
    assert.equal(findEnclosingLibrary(join(cwd, 'Photos-too')), undefined)
    assert.equal(findEnclosingLibrary(join(outer, 'sub/deep')), outer)
    assert.equal(findEnclosingLibrary(join(cwd, 'to-photos/sub')), outer)
    rmSync(join(outer, '.heirloom/library.db'))
    writeFileSync(join(outer, '.heirloom/id'), '')
    assert.equal(findEnclosingLibrary(join(outer, 'sub')), outer)
  })

  test('a file is not taken for a folder', async () => {
    assert.deepEqual(await problemsOf(() => resolveExports(['notes.txt/x'], cwd)), [
      'no such file or folder: notes.txt/x',
    ])
  })
})
