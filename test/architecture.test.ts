/**
 * Holds the source to its own map: which folder of `src/` may import which. Tests may import what they test with.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { test } from 'node:test'

const SRC = resolve('src')

/** Folder -> the folders it may import. Files at the root of `src/` may be imported by all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  queue: [],
  storage: [],
  media: [],
  library: ['media', 'storage'],
  exports: ['media', 'storage'],
  immich: ['media', 'storage'],
  tasks: ['queue', 'storage', 'media', 'library', 'exports', 'immich'],
  server: ['tasks', 'queue', 'storage', 'media', 'library'],
  cli: ['server', 'tasks', 'queue', 'storage', 'media', 'library', 'exports', 'immich'],
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => resolve(SRC, name))

const IMPORT = /(?:from|import)\s*\(?\s*'(?<target>\.[^']+)'/gu

/** The folders that `text`, as the source of `file`, imports against the map. */
function brokenImports(file: string, text: string): string[] {
  const from = folderOf(file)
  const targets = [...text.matchAll(IMPORT)].map(({ groups }) =>
    folderOf(resolve(dirname(file), groups?.['target'] ?? '')),
  )
  return targets.filter((to) => !(to === from || to === '' || MAY_IMPORT[from]?.includes(to)))
}

function folderOf(file: string): string {
  const [first, rest] = relative(SRC, file).split(sep)
  return rest === undefined ? '' : (first ?? '')
}

test('every folder of src/ is on the map', () => {
  const folders = new Set(FILES.map(folderOf))
  folders.delete('')
  assert.deepEqual(
    [...folders].filter((folder) => !(folder in MAY_IMPORT)),
    [],
  )
})

test('imports follow the map', () => {
  const broken = FILES.flatMap((file) =>
    brokenImports(file, readFileSync(file, 'utf8')).map((to) => `${relative(SRC, file)} imports ${to}/`),
  )
  assert.deepEqual(broken, [])
})

test('a planted import against the map is found', () => {
  assert.deepEqual(
    brokenImports(resolve(SRC, 'queue/task.ts'), "import { x } from '../exports/platform.ts'"),
    ['exports'],
  )
  assert.deepEqual(brokenImports(resolve(SRC, 'queue/task.ts'), "await import('../media/metadata.ts')"), [
    'media',
  ])
  assert.deepEqual(brokenImports(resolve(SRC, 'tasks/item.ts'), "import { x } from '../queue/task.ts'"), [])
})
