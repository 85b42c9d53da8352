/**
 * Holds the guide to its word: its programs run, and its tables have what the code has.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { MANAGER_DEFAULTS, MANAGER_OPTION_NAMES } from './manager-options.ts'
import { QueueManager } from './queue-manager.ts'
import { DEFAULT_RETENTION } from './retention.ts'
import { statisticsOf } from './statistics.ts'

const guide = await readFile(new URL('../../docs/guides/queue.md', import.meta.url), 'utf8')

/** Programs of the guide, in its order. */
const PROGRAMS = ['work.mjs', 'main.mjs', 'store.mjs', 'effects.mjs']

async function folderOfPrograms(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-guide-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const sources = blocks('js')
  assert.equal(sources.length, PROGRAMS.length)
  for (const [index, name] of PROGRAMS.entries())
    await writeFile(join(folder, name), onSources(sources[index] ?? ''))
  return folder
}

function blocks(language: string): string[] {
  const pattern = new RegExp(`\`\`\`${language}\\n(?<code>.*?)\`\`\``, 'gsu')
  return [...guide.matchAll(pattern)].map(({ groups }) => groups?.['code'] ?? '')
}

/** The package's own name resolves to the build, which a test does not have. */
function onSources(code: string): string {
  return code.replaceAll(/'heirloom\/(?<folder>[\w/]+)'/gu, (_match, folder: string) => {
    return `'${new URL(`../${folder}/index.ts`, import.meta.url).href}'`
  })
}

/** The row of a table whose first cell has `name`. */
function row(name: string): string {
  const rows = guide.split('\n').filter((line) => line.startsWith('|'))
  return rows.find((line) => (line.split(' | ')[0] ?? '').includes(`\`${name}\``)) ?? ''
}

describe('the guide of the queue', () => {
  test('its quick start runs and prints what it says', async (t) => {
    const cwd = await folderOfPrograms(t)
    const { stdout } = await promisify(execFile)(process.execPath, ['main.mjs'], { cwd })
    assert.match(stdout, /^1 completed \{ sizeBytes: \d+ \}$/mu)
    assert.match(stdout, /^2 completed/mu)
    assert.match(stdout, /^3 failed ENOENT/mu)
    assert.match(stdout, /^3 of 3$/mu)
  })

  test('its program with effects runs and prints the rows', async (t) => {
    const cwd = await folderOfPrograms(t)
    const { stdout } = await promisify(execFile)(process.execPath, ['effects.mjs'], { cwd })
    assert.match(stdout, /path: 'work.mjs', size_bytes: \d+/u)
  })

  for (const [index, code] of blocks('ts').entries()) {
    test(`recipe ${index + 1} is TypeScript: ${code.trim().split('\n')[0]}`, () => {
      assert.doesNotThrow(() => stripTypeScriptTypes(code))
    })
  }

  test('every method that it calls exists', () => {
    const called = [...guide.matchAll(/queue\.(?<name>\w+)\(/gu)].map(({ groups }) => groups?.['name'] ?? '')
    assert.ok(called.length > 10)
    assert.deepEqual(
      called.filter((name) => !(name in QueueManager.prototype)),
      [],
    )
  })

  test('every method has a row', () => {
    const names = Object.getOwnPropertyNames(QueueManager.prototype)
    const missing = names.filter(
      (name) => name !== 'constructor' && name !== 'isClosed' && !guide.includes(`\`${name}(`),
    )
    assert.deepEqual(missing, [])
  })

  for (const name of MANAGER_OPTION_NAMES) {
    test(`the option ${name} has a row with its default`, () => {
      assert.notEqual(row(name), '')
      const fallback = Object.entries(MANAGER_DEFAULTS).find(([other]) => other === name)?.[1]
      if (fallback !== undefined) assert.match(row(name), new RegExp(`\\| \`?${fallback}\`?( s)? \\|`, 'u'))
    })
  }

  test('the retention that it names is the default', () => {
    const { completedDays, failedDays, maxCompleted } = DEFAULT_RETENTION
    const written = `{ completedDays: ${completedDays}, failedDays: ${failedDays}, maxCompleted: ${maxCompleted / 1_000}_000 }`
    assert.ok(row('retention').includes(written))
  })

  test('every figure of the statistics has a row', () => {
    const figures = Object.keys(statisticsOf({ lanes: [], run: {}, workers: {}, now: 0 }))
    assert.deepEqual(
      figures.filter((name) => name !== 'lanes' && row(name) === ''),
      [],
    )
  })

  test('every line of the log is in its table', async () => {
    const source = await Promise.all(
      ['queue-log.ts', 'queue-manager.ts'].map((name) => readFile(new URL(name, import.meta.url), 'utf8')),
    )
    const pattern = /[lL]og(?:ger)?\.(?:error|warn|info|debug)\(\s*'(?<message>[^']+)'/gu
    const faults = /logFault\(this\.#logger, '(?<message>[^']+)'/gu
    const messages = source.flatMap((text) => [...text.matchAll(pattern), ...text.matchAll(faults)])
    const named = messages.map(({ groups }) => groups?.['message'] ?? '')
    assert.ok(named.length > 20)
    assert.deepEqual(
      named.filter((message) => !guide.includes(`\`${message}\``)),
      [],
    )
  })
})
