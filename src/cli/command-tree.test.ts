import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Argument, Command } from 'commander'
import { allCommands, readCommandTree } from './command-tree.ts'
import { CONFIG_KEYS } from './config-keys.ts'
import { wholeProgram, wholeTree } from './testing/whole-program.ts'
import { valueKindOf } from './value-kinds.ts'

describe('the tree of commands', () => {
  test('is what commander has', () => {
    const program = new Command('tool')
      .description('does it')
      .helpOption('-h, --help', 'help')
      .helpCommand(true)
    program.addCommand(
      new Command('take')
        .description('takes')
        .argument('<library>', 'where to')
        .addArgument(new Argument('[how...]', 'in which way').choices(['well', 'ill']))
        .optionsGroup('Files:')
        .option('-o, --out <file>', 'a file')
        .option('--no-color', 'plain')
        .addHelpText('after', '\nExamples:\n  $ tool take a\n  $ tool take b well'),
    )
    const tree = readCommandTree(program)
    assert.deepEqual(
      allCommands(tree).map(({ path }) => path.join(' ')),
      ['tool', 'tool take', 'tool help'],
    )
    const take = tree.commands[0]
    assert.deepEqual(take?.examples, ['tool take a', 'tool take b well'])
    assert.deepEqual(take?.parameters, [
      {
        name: 'library',
        describes: 'where to',
        isRequired: true,
        isVariadic: false,
        takes: { kind: 'folder' },
      },
      {
        name: 'how',
        describes: 'in which way',
        isRequired: false,
        isVariadic: true,
        takes: { kind: 'word', words: ['well', 'ill'] },
      },
    ])
    assert.deepEqual(
      take?.flags.map(({ short, long, value, group, takes }) => [short, long, value, group, takes?.kind]),
      [
        ['-o', '--out', 'file', 'Files', 'file'],
        [undefined, '--no-color', undefined, 'Files', undefined],
        ['-h', '--help', undefined, 'Options', undefined],
      ],
    )
    assert.deepEqual(tree.commands.at(-1)?.parameters[0]?.takes, { kind: 'word', words: ['take'] })
  })

  test('leaves the program as it was', () => {
    const program = wholeProgram()
    const before = program.helpInformation()
    assert.deepEqual(readCommandTree(program), readCommandTree(program))
    assert.equal(program.helpInformation(), before)
  })

  test('has examples for each command that does something', () => {
    const without = allCommands(wholeTree())
      .filter(({ path, commands, examples }) => commands.length + examples.length === 0 && path[1] !== 'help')
      .map(({ path }) => path.join(' '))
    assert.deepEqual(without, [])
  })
})

describe('the words of a flag', () => {
  test('are there for each flag that has a few', () => {
    const flags = allCommands(wholeTree()).flatMap((one) => one.flags)
    const wordsOf = (long: string): (string | undefined)[] =>
      flags.filter((flag) => flag.long === long).map(({ takes }) => takes?.kind)
    for (const long of ['--log-level', '--metadata', '--thumb-format', '--format', '--status'])
      assert.deepEqual([...new Set(wordsOf(long))], ['word'], long)
    assert.deepEqual(wordsOf('--lanes'), ['list'])
  })

  const cases = [
    { name: 'format', flag: '--format', key: 'thumbFormat' },
    { name: 'level', flag: '--log-level', key: 'logLevel' },
    { name: 'mode', flag: '--metadata', key: 'metadata' },
    { name: 'list', flag: '--lanes', key: 'lanes' },
  ] as const
  for (const { name, flag, key } of cases) {
    test(`${flag} are what the setting ${key} accepts`, () => {
      const takes = valueKindOf(name, ['heirloom'], flag)
      assert.ok(takes.kind === 'word' || takes.kind === 'list')
      const { read, expects } = CONFIG_KEYS[key]
      for (const word of takes.words) {
        assert.notEqual(read(word), undefined, word)
        assert.ok(expects.includes(word), `${word} in: ${expects}`)
      }
      assert.equal(read('nonsense'), undefined)
    })
  }

  test('depend on the command where they have to', () => {
    assert.deepEqual(valueKindOf('status', ['heirloom', 'queue', 'prune'], '--status'), {
      kind: 'word',
      words: ['completed', 'failed', 'cancelled'],
    })
    assert.deepEqual(valueKindOf('export', ['heirloom', 'upload'], '--only'), { kind: 'any' })
  })
})
