import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { CONFIG_KEY_NAMES, CONFIG_KEYS, toFileKey, toVariable } from './config-keys.ts'
import { buildProgram } from './main.ts'
import { memoryIo } from './testing/memory-io.ts'

const nothing = async (): Promise<void> => undefined

describe('docs/guides/cli.md', () => {
  const guide = readFileSync('docs/guides/cli.md', 'utf8')
  const program = buildProgram(memoryIo(), {
    ingest: nothing,
    listProcessors: nothing,
    report: nothing,
    check: nothing,
    upload: nothing,
    thumbs: nothing,
    autotag: nothing,
    serve: nothing,
    worker: nothing,
    immichCheck: nothing,
    queue: nothing,
    doctor: nothing,
    configShow: nothing,
    completion: nothing,
  })
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap((child) => all(child))]
  for (const command of all(program)) {
    test(`has ${command.name()} and each of its flags`, () => {
      const missing = command.options.map(({ long }) => long ?? '').filter((flag) => !guide.includes(flag))
      assert.deepEqual(missing, [])
      assert.ok(guide.includes(command.name()))
    })
  }

  test('has no flag that does not exist', () => {
    const known = new Set(all(program).flatMap(({ options }) => options.map(({ long }) => long)))
    const named = [...guide.matchAll(/(?<![\w-])--[a-z][a-z-]+/gu)].map(([flag]) => flag)
    assert.deepEqual(
      named.filter((flag) => !known.has(flag) && flag !== '--help'),
      [],
    )
  })
})

describe('docs/guides/configuration.md', () => {
  const guide = readFileSync('docs/guides/configuration.md', 'utf8')
  for (const key of CONFIG_KEY_NAMES) {
    test(`has ${key} with its variable and its default`, () => {
      const line = guide.split('\n').find((row) => row.startsWith(`| \`${toFileKey(key)}\``)) ?? ''
      assert.ok(line.includes(`\`${toVariable(key)}\``), line)
      const { fallback } = CONFIG_KEYS[key]
      assert.ok(line.includes(fallback === undefined ? '–' : `\`${fallback}\``), line)
    })
  }
})
