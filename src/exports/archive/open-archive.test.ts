import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { contents, freshFolder, opened, put } from '../../../test/support/archive-contents.ts'
import { writeTar, writeTgz } from '../../../test/support/tar-writer.ts'
import { writeZip, type ZipEntrySpec } from '../../../test/support/zip-writer.ts'
import { HeirloomError } from '../../errors.ts'
import { openArchive } from './open-archive.ts'

const GOOD: ZipEntrySpec = { name: 'good.jpg', data: 'good' }

describe('a folder', () => {
  test('is listed with its junk, and links and pipes are told', async () => {
    const root = await freshFolder()
    await mkdir(join(root, 'Takeout/b'), { recursive: true })
    await writeFile(join(root, 'Takeout/b/photo.jpg'), 'photo')
    await writeFile(join(root, 'Takeout/.DS_Store'), 'junk')
    await symlink('/etc', join(root, 'etc'))
    await symlink(root, join(root, 'Takeout/loop'))
    const hasPipe = spawnSync('mkfifo', [join(root, 'pipe')]).status === 0
    const { files, problems } = await contents(root)
    assert.deepEqual(files, { 'Takeout/.DS_Store': 'junk', 'Takeout/b/photo.jpg': 'photo' })
    const expected = ['link Takeout/loop', 'link etc', ...(hasPipe ? ['special-file pipe'] : [])]
    assert.deepEqual(problems.toSorted(), expected)
  })

  test('a name that is not UTF-8 is told', {
    skip: process.platform !== 'linux' && 'Linux only',
  }, async () => {
    const root = await freshFolder()
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff, 0x2e, 0x6a])]), 'x')
    assert.deepEqual(await contents(root), { files: {}, problems: ['unreadable a\uFFFD.j'] })
    await opened(root, async ({ problems: [problem] }) => {
      assert.equal(problem?.message, 'cannot be read: its name is not valid UTF-8')
      assert.equal(problem?.hint, 'Rename it.')
    })
  })

  test('a file that changed since it was listed is an error', async () => {
    const root = await freshFolder()
    await writeFile(join(root, 'a.txt'), 'before')
    await opened(root, async ({ entries, readSmall }) => {
      await writeFile(join(root, 'a.txt'), 'longer than before')
      await assert.rejects(readSmall(entries[0]!, 100), { code: 'storage/input-changed' })
    })
  })
})

describe('several parts', () => {
  test('are one export: equal files once, different ones both, missing parts named', async () => {
    const root = await freshFolder()
    const part = async (name: string, bytes: Buffer): Promise<string> => {
      await writeFile(join(root, name), bytes)
      return join(root, name)
    }
    const inputs = [
      await part('takeout-20240101T000000Z-010.zip', writeZip([{ name: 'T/late.jpg', data: 'late' }])),
      await part(
        'takeout-20240101T000000Z-001.zip',
        writeZip([
          { name: 'T/a.jpg', data: 'photo' },
          { name: 'T/metadata.json', data: '{"title":"A"}' },
          { name: 'T/x.jpg', data: 'x1' },
        ]),
      ),
      await part(
        'takeout-20240101T000000Z-002.tgz',
        await writeTgz([
          { name: 'T/a.jpg.json', data: '{}' },
          { name: 'T/metadata.json', data: '{"title":"A"}' },
          { name: 'T/x.jpg', data: 'x2' },
        ]),
      ),
    ]
    assert.deepEqual(await contents(inputs), {
      files: {
        'T/a.jpg': 'photo',
        'T/metadata.json': '{"title":"A"}',
        'T/x.jpg': 'x1',
        'T/a.jpg.json': '{}',
        'T/late.jpg': 'late',
        'T/x (copy 2).jpg': 'x2',
      },
      problems: ['missing-part', 'duplicate-name T/x (copy 2).jpg'],
    })
    await opened(inputs, async ({ problems, randomAccess, inputs: inOrder }) => {
      assert.match(problems[0]?.message ?? '', /003, 004, 005, 006, 007, 008, 009/u)
      assert.equal(randomAccess, false)
      assert.ok(inOrder[2]?.endsWith('-010.zip'))
    })
  })

  test('may be a folder and an archive', async () => {
    const root = await freshFolder()
    await mkdir(join(root, 'T'))
    await writeFile(join(root, 'T/a.jpg'), 'photo')
    await writeFile(join(root, 'T/b.jpg'), 'one')
    const zip = await put(
      'b.zip',
      writeZip([
        { name: 'T/a.jpg', data: 'photo' },
        { name: 'T/b.jpg', data: 'two' },
      ]),
    )
    const { files } = await contents([root, zip])
    assert.deepEqual(files, { 'T/a.jpg': 'photo', 'T/b.jpg': 'one', 'T/b (copy 2).jpg': 'two' })
  })
})

describe('an input', () => {
  test('that is not there, or no archive, is refused by name', async () => {
    await assert.rejects(openArchive([join(await freshFolder(), 'nowhere')]), {
      code: 'archive/input-unreadable',
    })
    await assert.rejects(openArchive([await put('a.jpg', 'photo')]), { code: 'archive/not-an-export' })
  })

  test('is known by its content, whatever it is called', async () => {
    assert.deepEqual((await contents(await put('a.bin', writeZip([GOOD])))).files, { 'good.jpg': 'good' })
    const tgz = await writeTgz([{ name: 'a.txt', data: 'a' }])
    assert.deepEqual((await contents(await put('a.zip', tgz))).files, { 'a.txt': 'a' })
  })
})

describe('archives of other programs', () => {
  const programs: { program: string; args: string[]; archive: string }[] = [
    { program: 'zip', args: ['-qr', 'out.zip', 'in'], archive: 'out.zip' },
    { program: 'zip', args: ['-qr0', 'out.zip', 'in'], archive: 'out.zip' },
    { program: 'zip', args: ['-qrfd', 'out.zip', 'in'], archive: 'out.zip' },
    { program: '7z', args: ['a', '-bso0', '-tzip', 'out.zip', 'in'], archive: 'out.zip' },
    { program: 'tar', args: ['czf', 'out.tgz', 'in'], archive: 'out.tgz' },
    { program: 'tar', args: ['--format=pax', '-czf', 'out.tar.gz', 'in'], archive: 'out.tar.gz' },
    { program: 'tar', args: ['--format=v7', '-cf', 'out.tar', 'in'], archive: 'out.tar' },
  ]
  for (const { program, args, archive } of programs) {
    const isMissing = spawnSync(program, ['--help']).error !== undefined
    test(`${program} ${args[0]} is read`, { skip: isMissing && `${program} is not installed` }, async () => {
      const root = await freshFolder()
      await mkdir(join(root, 'in/sub'), { recursive: true })
      await writeFile(join(root, 'in/Größe 😀.txt'), 'unicode')
      await writeFile(join(root, 'in/sub/big.txt'), 'many words '.repeat(10_000))
      await writeFile(join(root, 'in/empty.txt'), '')
      const { status, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      const { files, problems } = await contents(join(root, archive))
      assert.deepEqual(problems, [])
      assert.equal(files['in/sub/big.txt'], 'many words '.repeat(10_000))
      assert.equal(files['in/Größe 😀.txt'], 'unicode')
      assert.equal(files['in/empty.txt'], '')
    })
  }
})

describe('whatever bytes an archive has', () => {
  const zip = writeZip([
    { name: 'a/b.jpg', data: 'x'.repeat(300) },
    { name: 'a/b.json', data: '{}', stored: true, descriptor: true },
    { name: 'wide', data: 'wide', zip64: true, modifiedAtSeconds: 5 },
  ])
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 12 })

  async function isHarmless(name: string, bytes: Uint8Array, path: string): Promise<void> {
    const file = join(path, name)
    await writeFile(file, bytes)
    const archive = await openArchive([file], { signal: AbortSignal.timeout(5000) })
    const seen = new Set<string>()
    for (const entry of archive.entries) {
      const segments = entry.path.split('/')
      assert.ok(!segments.some((segment) => ['', '.', '..'].includes(segment)), entry.path)
      assert.ok(!/[\0\\]|^[a-z]:/iu.test(entry.path), entry.path)
      assert.ok(!seen.has(entry.path), `${entry.path} occurs once`)
      seen.add(entry.path)
      await archive.readSmall(entry, 1e6).catch((error: unknown) => {
        assert.ok(error instanceof HeirloomError, String(error))
      })
    }
    await archive.close()
  }

  function damaged(whole: Buffer, changes: readonly (readonly [number, number])[], cut: number): Buffer {
    const copy = Buffer.from(whole)
    for (const [position, value] of changes) copy[position % copy.length] = value
    return copy.subarray(0, copy.length - (cut % copy.length))
  }

  test('it opens without an unknown error, and no entry leaves the export', async () => {
    const path = await freshFolder()
    const tar = await writeTar([
      { name: 'a/b.jpg', data: 'x'.repeat(300) },
      { name: `${'l/'.repeat(90)}b.json`, data: '{}' },
      { name: 'ünicode', data: 'x' },
    ])
    const tgz = gzipSync(tar)
    const names = fc.constantFrom('a.zip', 'a.tgz', 'a.tar')
    const noCut = fc.oneof(fc.constant(0), fc.nat())
    await fc.assert(
      fc.asyncProperty(names, fc.uint8Array({ maxLength: 600 }), async (name, bytes) => {
        await isHarmless(name, bytes, path)
      }),
      { numRuns: 100 },
    )
    for (const [name, whole, numRuns] of [
      ['a.zip', zip, 400],
      ['a.tar', tar, 200],
      ['a.tgz', tgz, 100],
    ] as const) {
      await fc.assert(
        fc.asyncProperty(damage, noCut, async (changes, cut) => {
          await isHarmless(name, damaged(whole, changes, cut), path)
        }),
        { numRuns },
      )
    }
  })
})
