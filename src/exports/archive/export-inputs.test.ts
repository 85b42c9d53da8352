import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { type ExportInput, groupInputs, listOriginals, toFolderName } from './export-inputs.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'heirloom-inputs-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function touch(...files: string[]): Promise<string[]> {
  const paths = files.map((file) => join(root, file))
  for (const path of paths) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, '')
  }
  return paths
}

/** Name → inputs below the root. */
function told(exports: readonly ExportInput[]): Record<string, string[]> {
  return Object.fromEntries(
    exports.map(({ name, inputs }) => [name, inputs.map((input) => relative(root, input))]),
  )
}

describe('groupInputs', () => {
  test('joins the parts of one takeout and keeps two takeouts apart', async () => {
    const paths = await touch(
      'takeout-20240101T000000Z-010.zip',
      'takeout-20240101T000000Z-002.tgz',
      'takeout-20240101T000000Z-001.zip',
      'downloads/takeout-20240101T000000Z-003 (1).zip',
      'takeout-20250101T000000Z-2-001.zip',
      'takeout-20250101T000000Z-1-001.zip',
    )
    assert.deepEqual(told(await groupInputs(paths)), {
      'takeout-20240101T000000Z': [
        'takeout-20240101T000000Z-001.zip',
        'takeout-20240101T000000Z-002.tgz',
        'downloads/takeout-20240101T000000Z-003 (1).zip',
        'takeout-20240101T000000Z-010.zip',
      ],
      'takeout-20250101T000000Z': [
        'takeout-20250101T000000Z-1-001.zip',
        'takeout-20250101T000000Z-2-001.zip',
      ],
    })
  })

  test('looks into a folder that holds only archives, and takes any other as it is', async () => {
    await touch(
      'anna/takeout-20240101T000000Z-001.zip',
      'anna/takeout-20240101T000000Z-002.zip',
      'anna/.DS_Store',
      'ben/photo.jpg',
      'ben/old.zip',
      'empty/.hidden',
    )
    const paths = ['anna', 'ben', 'empty'].map((name) => join(root, name))
    assert.deepEqual(told(await groupInputs(paths)), {
      'takeout-20240101T000000Z': [
        'anna/takeout-20240101T000000Z-001.zip',
        'anna/takeout-20240101T000000Z-002.zip',
      ],
      ben: ['ben'],
      empty: ['empty'],
    })
  })

  const namings: { fact: string; files: readonly string[]; names: readonly string[] }[] = [
    {
      fact: 'drops extension and browser suffix',
      files: ['a/Holiday.zip', 'b/old (1).tar.gz', 'c/x.TAR'],
      names: ['Holiday', 'old', 'x'],
    },
    {
      fact: 'tells two of one name apart by the folder above, also where only the case differs',
      files: ['anna/Takeout.zip', 'bob/takeout.tgz'],
      names: ['anna-Takeout', 'bob-takeout'],
    },
    {
      fact: 'falls back on numbers when the folders above are called the same',
      files: ['x/p/a.zip', 'y/p/a.zip', 'z/p/A.tar'],
      names: ['p-a', 'p-a (2)', 'p-A (3)'],
    },
    {
      fact: 'gives no export the name that another has by itself',
      files: ['p/a.zip', 'q/a.zip', 'p-a.zip'],
      names: ['p-a (2)', 'q-a', 'p-a'],
    },
    {
      fact: 'keeps two takeouts of the same second apart by the folder of their equal parts',
      files: [
        'anna/takeout-20240101T000000Z-001.zip',
        'anna/takeout-20240101T000000Z-002.zip',
        'bob/takeout-20240101T000000Z-001.zip',
      ],
      names: ['anna-takeout-20240101T000000Z', 'bob-takeout-20240101T000000Z'],
    },
    {
      fact: 'holds photos-001.zip and photos-002.zip for two exports, since nothing says that they are parts',
      files: ['photos-001.zip', 'photos-002.zip'],
      names: ['photos-001', 'photos-002'],
    },
    {
      fact: 'knows a part whatever the case of its name',
      files: ['takeout-20240101T000000Z-001.zip', 'TAKEOUT-20240101T000000Z-002.ZIP'],
      names: ['takeout-20240101T000000Z'],
    },
  ]
  for (const { fact, files, names } of namings) {
    test(fact, async () => {
      const exports = await groupInputs(await touch(...files))
      assert.deepEqual(
        exports.map(({ name }) => name),
        names,
      )
    })
  }

  test('names folders by the folder above too', async () => {
    await touch('anna/Takeout/photo.jpg', 'bob/Takeout/photo.jpg')
    assert.deepEqual(told(await groupInputs([join(root, 'anna/Takeout'), join(root, 'bob/Takeout')])), {
      'anna-Takeout': ['anna/Takeout'],
      'bob-Takeout': ['bob/Takeout'],
    })
  })

  test('follows links', async () => {
    await touch('disk/photo.jpg', 'disk/old.zip', 'links/.keep')
    await symlink(join(root, 'disk/old.zip'), join(root, 'links/old.zip'))
    await symlink(join(root, 'disk'), join(root, 'link'))
    assert.deepEqual(told(await groupInputs([join(root, 'links'), join(root, 'link')])), {
      old: ['links/old.zip'],
      link: ['link'],
    })
  })

  test('takes a path once, and refuses what is no export', async () => {
    const [zip = '', photo = ''] = await touch('a.zip', 'a.jpg')
    assert.equal((await groupInputs([zip, `${root}/./a.zip`])).length, 1)
    await assert.rejects(groupInputs([photo]), { code: 'archive/not-an-export' })
    await assert.rejects(groupInputs([join(root, 'no')]), { code: 'archive/input-unreadable' })
  })
})

describe('listOriginals', () => {
  test('makes an export of each folder and of the archives between them, sorted by name', async () => {
    await touch(
      'ben/photo.jpg',
      'Anna 10/photo.jpg',
      'Anna 2/photo.jpg',
      '.cache/photo.jpg',
      'notes.txt',
      'takeout-20240101T000000Z-002.zip',
      'takeout-20240101T000000Z-001.zip',
      'cloud/instagram.zip',
    )
    await symlink(join(root, 'nowhere'), join(root, 'broken.zip'))
    const { exports, leftOut } = await listOriginals(root)
    assert.deepEqual(leftOut, ['broken.zip', 'notes.txt'])
    assert.deepEqual(told(exports), {
      'Anna 2': ['Anna 2'],
      'Anna 10': ['Anna 10'],
      ben: ['ben'],
      instagram: ['cloud/instagram.zip'],
      'takeout-20240101T000000Z': ['takeout-20240101T000000Z-001.zip', 'takeout-20240101T000000Z-002.zip'],
    })
    assert.deepEqual(Object.keys(told(exports)), [
      'Anna 2',
      'Anna 10',
      'ben',
      'instagram',
      'takeout-20240101T000000Z',
    ])
  })
})

describe('toFolderName', () => {
  const cases: { what: string; name: string; safe: string }[] = [
    { what: 'a good name stays', name: 'Größe 2024', safe: 'Größe 2024' },
    { what: 'separators go', name: 'a/b\\c:d', safe: 'a_b_c_d' },
    { what: 'the hidden folder of the library is out of reach', name: '.heirloom', safe: 'heirloom' },
    { what: 'dots and spaces at the end go', name: 'a. .', safe: 'a' },
    { what: 'devices of Windows are kept apart', name: 'con.photos', safe: '_con.photos' },
    { what: 'nothing becomes a word', name: '..', safe: 'export' },
  ]
  for (const { what, name, safe } of cases) test(what, () => assert.equal(toFolderName(name), safe))

  test('any name is safe, short, and stays when it is made safe again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const safe = toFolderName(name)
        assert.match(safe, /^[^.\s\p{Cc}<>:"/\\|?*][^\p{Cc}<>:"/\\|?*]*$/u)
        assert.ok(Buffer.byteLength(safe) <= 201)
        assert.equal(toFolderName(safe), safe)
      }),
    )
  })
})
