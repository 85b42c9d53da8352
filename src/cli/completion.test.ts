/**
 * Completions, pressed in the real shells where they are installed: what is typed ends up as the arguments of a
 * `printf`, so that each test sees what the shell would run.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { allCommands, type CommandEntry, readCommandTree } from './command-tree.ts'
import { SHELLS, type Shell } from './commands/completion.ts'
import { completionScript } from './completion.ts'
import { main } from './main.ts'
import { memoryIo } from './testing/memory-io.ts'
import { wholeTree } from './testing/whole-program.ts'

/** Slow machines: compinit of zsh reads all of its functions. */
const TIMEOUT_MS = 20_000

/** What is typed before Tab, and the words that stand there after it. */
const CASES: readonly (readonly [typed: string, words: readonly string[]])[] = [
  ['heirloom ing', ['heirloom', 'ingest']],
  ['heirloom queue sta', ['heirloom', 'queue', 'status']],
  ['heirloom help que', ['heirloom', 'help', 'queue']],
  ['heirloom ingest --skip-u', ['heirloom', 'ingest', '--skip-upload']],
  ['heirloom ingest --metadata s', ['heirloom', 'ingest', '--metadata', 'sidecar']],
  ['heirloom ingest --metadata=s', ['heirloom', 'ingest', '--metadata=sidecar']],
  ['heirloom thumbs a --format w', ['heirloom', 'thumbs', 'a', '--format', 'webp']],
  ['heirloom queue prune q --status fa', ['heirloom', 'queue', 'prune', 'q', '--status', 'failed']],
  ['heirloom completion z', ['heirloom', 'completion', 'zsh']],
  ['heirloom ingest takeout\\ o', ['heirloom', 'ingest', 'takeout one.zip']],
  ['heirloom autotag lint -r ru', ['heirloom', 'autotag', 'lint', '-r', 'rules.yaml']],
  // The file rules-of-old beside it is no folder.
  ['heirloom ingest -o old', ['heirloom', 'ingest', '-o', 'older']],
  // Nothing is offered where nothing can be known, and no flag behind --.
  ['heirloom ingest --workers ru', ['heirloom', 'ingest', '--workers', 'ru']],
  ['heirloom ingest -- --skip-u', ['heirloom', 'ingest', '--', '--skip-u']],
  ['heirloom odd --lanes=item,th', ['heirloom', 'odd', '--lanes=item,thumbnail']],
  ['heirloom worker --lanes item,th', ['heirloom', 'worker', '--lanes', 'item,thumbnail']],
]

/** The program, and a command whose texts are made to break out of quotes. */
function oddTree(): CommandEntry {
  const hostile = 'it\'s "$(touch broken)" `touch broken` [a:b] \\ ; | & * …'
  const odd = new Command('odd').description(hostile).option('--lanes <list>', hostile)
  const tree = wholeTree()
  return { ...tree, commands: [...tree.commands, readCommandTree(odd, tree.path)] }
}

describe('the completion script', () => {
  for (const shell of SHELLS) {
    test(`for ${shell} has every command and every flag`, () => {
      const script = completionScript(shell, wholeTree())
      for (const { path, flags } of allCommands(wholeTree())) {
        assert.ok(script.includes(path.at(-1) ?? ''), path.join(' '))
        for (const { long } of flags) assert.ok(script.includes(long.slice(2)), `${path.join(' ')} ${long}`)
      }
    })

    test(`for ${shell} is printed by heirloom completion ${shell}`, async () => {
      const io = memoryIo()
      assert.equal(await main(['completion', shell], io), 0)
      assert.equal(io.stdout.text(), completionScript(shell, wholeTree()))
    })
  }

  test('of another shell is refused, with the names of those there are', async () => {
    const io = memoryIo()
    assert.equal(await main(['completion', 'tcsh'], io), 2)
    assert.match(io.stderr.text(), /bash, zsh, fish/u)
  })
})

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-completion-'))
  const work = join(folder, 'work')
  mkdirSync(join(work, 'older'), { recursive: true })
  for (const name of ['takeout one.zip', 'takeout-two.zip', 'rules.yaml', 'old-file'])
    writeFileSync(join(work, name), '')
  for (const shell of SHELLS) writeFileSync(join(folder, shell), completionScript(shell, oddTree()))
  writeFileSync(
    join(folder, '.bashrc'),
    `PS1='@'; bind 'set enable-bracketed-paste off'; source ${folder}/bash\n`,
  )
  writeFileSync(
    join(folder, '.zshrc'),
    `PS1='@'; bindkey -e; autoload -U compinit; compinit -u -D; source ${folder}/zsh\n`,
  )
})
after(() => rmSync(folder, { recursive: true }))

/** @returns Whether the test may go on. */
function needs(t: TestContext, ...programs: readonly string[]): boolean {
  const missing = programs.filter((name) => spawnSync(name, ['--version']).status !== 0)
  if (missing.length > 0) t.skip(`not on the PATH: ${missing.join(', ')}`)
  return missing.length === 0
}

/** Types each line with a Tab at its end, in a terminal; answers with the words of each. */
function pressTab(command: string, lines: readonly string[]): readonly (readonly string[])[] {
  const beginningOfLine = '\u0001'
  const typed = lines.map((line) => `${line}\t${beginningOfLine}printf '<%s>' \necho\n`)
  const screen = execFileSync('script', ['-qec', command, '/dev/null'], {
    input: `${typed.join('')}exit\n`,
    cwd: join(folder, 'work'),
    env: { PATH: process.env['PATH'], HOME: folder, ZDOTDIR: folder, TERM: 'vt100', LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return [...screen.matchAll(/^(?:<[^<>\n]*>)+/gmu)].map(([words]) =>
    words
      .slice(1, -1)
      .split('><')
      .map((word) => word.replace(/\/$/u, '')),
  )
}

describe('Tab', () => {
  const TERMINALS: Readonly<Record<Exclude<Shell, 'fish'>, string>> = {
    bash: 'bash --noprofile -i',
    zsh: 'zsh -i',
  }
  for (const shell of ['bash', 'zsh'] as const) {
    test(`completes commands, flags, values and files in ${shell}`, (t) => {
      if (!needs(t, shell, 'script')) return
      const lines = CASES
      const got = pressTab(
        TERMINALS[shell],
        lines.map(([typed]) => typed),
      )
      assert.deepEqual(
        got,
        lines.map(([, words]) => words),
      )
    })
  }

  test('completes commands, flags, values and files in fish', (t) => {
    if (!needs(t, 'fish')) return
    const offered = (line: string): string[] =>
      execFileSync('fish', ['--no-config', '-c', `source ${folder}/fish; complete -C "$argv"`, line], {
        cwd: join(folder, 'work'),
        env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8' },
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
      })
        .split('\n')
        .filter((one) => one !== '')
        .map((one) => one.split('\t')[0]?.replace(/\/$/u, '') ?? '')
    for (const [typed, words] of CASES) {
      const last = words.at(-1) ?? ''
      const isOffered = !typed.endsWith(last)
      assert.deepEqual(offered(typed), isOffered ? [last] : [], typed)
    }
    assert.deepEqual(offered('heirloom ingest takeout'), ['takeout one.zip', 'takeout-two.zip'])
  })

  test('runs nothing of what the descriptions say', () => {
    assert.equal(existsSync(join(folder, 'work', 'broken')), false)
  })
})
