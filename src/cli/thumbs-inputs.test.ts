import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { resolveThumbs } from './thumbs-inputs.ts'

let cwd: string
before(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-inputs-')))
  for (const folder of ['2023/a', '2024', 'lib/.heirloom', 'lib2/.heirloom'])
    mkdirSync(join(cwd, folder), { recursive: true })
  writeFileSync(join(cwd, 'x.jpg'), '')
  writeFileSync(join(cwd, 'lib/.heirloom/library.db'), '')
})
after(() => rmSync(cwd, { recursive: true }))

function resolveAll(paths: readonly string[], output?: string) {
  return resolveThumbs({ paths, output, library: '/library' }, cwd)
}

describe('without a folder for thumbnails', () => {
  test('it is about the library of the settings, or the one that is named', () => {
    assert.deepEqual(resolveAll([]), { kind: 'library', library: '/library' })
    assert.deepEqual(resolveAll(['lib']), { kind: 'library', library: join(cwd, 'lib') })
  })

  test('anything else is refused, with what to say instead', () => {
    assert.throws(() => resolveAll(['2024']), { hint: /-o DIR/u })
    assert.throws(() => resolveAll(['lib', 'x.jpg']), /x\.jpg is no library/u)
    assert.throws(() => resolveAll(['lib', 'lib2']), /one library at a time/u)
  })
})

describe('with one', () => {
  const inputs = (paths: readonly string[]) => {
    const target = resolveAll(paths, 'out')
    assert.ok(target.kind === 'folder')
    return target.inputs.map(({ path, prefix }) => [path.slice(cwd.length + 1), prefix])
  }

  test('one folder gives its names, several have theirs before them', () => {
    assert.deepEqual(inputs(['2024']), [['2024', '']])
    assert.deepEqual(inputs(['2024', '2023', 'x.jpg']), [
      ['2024', '2024/'],
      ['2023', '2023/'],
      ['x.jpg', ''],
    ])
  })

  test('what is named twice, or inside another one, is taken once', () => {
    assert.deepEqual(inputs(['2023/a', '2023', '2023/', './2023/a']), [['2023', '']])
  })

  test('all that is wrong is said at once', () => {
    assert.throws(() => resolveAll(['nothing', '', '2024'], 'out'), {
      problems: ['no such file or folder: nothing', 'the path is empty: is a variable without a value?'],
    })
  })
})
