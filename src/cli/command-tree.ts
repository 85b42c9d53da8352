/**
 * The command line as plain data, read from the same commander tree that parses it and prints `--help`: what
 * completions and the man page are made of, so that neither can tell of a flag that does not exist.
 *
 * Examples and notes are nowhere in that tree but as functions that print them, so they are read from the printed help.
 *
 * @module
 */

import type { Argument, Command, Option } from 'commander'
import { type ValueKind, valueKindOf } from './value-kinds.ts'

/** One command with everything below it. */
export interface CommandEntry {
  /** `['heirloom', 'queue', 'status']`. */
  readonly path: readonly string[]
  readonly summary: string
  /** Such as `[options] <library> [export...]`. */
  readonly usage: string
  readonly parameters: readonly ParameterEntry[]
  readonly flags: readonly FlagEntry[]
  readonly commands: readonly CommandEntry[]
  /** Command lines. */
  readonly examples: readonly string[]
}

/** What is given without a flag. */
export interface ParameterEntry {
  /** As in the help, but without its brackets: `export`. */
  readonly name: string
  readonly describes: string
  readonly isRequired: boolean
  readonly isVariadic: boolean
  readonly takes: ValueKind
}

export interface FlagEntry {
  /** `-o`; undefined where there is none. */
  readonly short: string | undefined
  /** `--output`. */
  readonly long: string
  /** `library` of `--output <library>`; undefined for a flag without a value. */
  readonly value: string | undefined
  readonly describes: string
  /** The heading that it stands under in the help, without the colon. */
  readonly group: string
  readonly isRepeatable: boolean
  /** Undefined for a flag without a value. */
  readonly takes: ValueKind | undefined
}

/** Reads a whole tree. The command is left as it was. */
export function readCommandTree(command: Command, above: readonly string[] = []): CommandEntry {
  const help = command.createHelp()
  const path = [...above, command.name()]
  const below = help.visibleCommands(command)
  return {
    path,
    summary: command.description(),
    usage: command.usage(),
    parameters: command.registeredArguments.map((argument) => parameterOf(argument, path, below)),
    flags: help.visibleOptions(command).map((option) => flagOf(option, path)),
    // commander's own `help` below a command that has commands is one more way to say --help.
    commands: below
      .filter((child) => above.length === 0 || child.name() !== 'help')
      .map((child) => readChild(child, path, below)),
    examples: examplesOf(command),
  }
}

/** All commands, the program first, each before those below it. */
export function allCommands(entry: CommandEntry): readonly CommandEntry[] {
  return [entry, ...entry.commands.flatMap(allCommands)]
}

/** `-o, --output <library>` without what it takes: `['-o', '--output']`. */
export function spellingsOf({ short, long }: FlagEntry): readonly string[] {
  return short === undefined ? [long] : [short, long]
}

/** The `help` of the program takes the name of a command, which only its parent knows. */
function readChild(child: Command, path: readonly string[], siblings: readonly Command[]): CommandEntry {
  const entry = readCommandTree(child, path)
  if (child.name() !== 'help') return entry
  const words = siblings.map((one) => one.name()).filter((name) => name !== 'help')
  return { ...entry, parameters: entry.parameters.map((one) => ({ ...one, takes: { kind: 'word', words } })) }
}

function parameterOf(argument: Argument, path: readonly string[], below: readonly Command[]): ParameterEntry {
  const { description, required, variadic, argChoices } = argument
  const name = argument.name()
  const choices = below.length > 0 ? [] : argChoices
  return {
    name,
    describes: description,
    isRequired: required,
    isVariadic: variadic,
    takes: choices === undefined ? valueKindOf(name, path) : { kind: 'word', words: choices },
  }
}

function flagOf(option: Option, path: readonly string[]): FlagEntry {
  const { short, long, flags, description, helpGroupHeading, argChoices, variadic, defaultValue } = option
  const value = /[<[](?<name>[^.>\]]+)/u.exec(flags)?.groups?.['name']
  const words = argChoices
  return {
    short,
    long: long ?? flags,
    value,
    describes: description,
    group: (helpGroupHeading ?? 'Options:').replace(/:$/u, ''),
    isRepeatable: variadic || Array.isArray(defaultValue),
    takes:
      value === undefined
        ? undefined
        : words === undefined
          ? valueKindOf(value, path, long)
          : { kind: 'word', words },
  }
}

function examplesOf(command: Command): readonly string[] {
  const before = command.configureOutput()
  let printed = ''
  command.configureOutput({
    ...before,
    writeOut: (text) => {
      printed += text
    },
  })
  command.outputHelp()
  command.configureOutput(before)
  return [...printed.matchAll(/^ {2}\$ (?<line>.+)$/gmu)].map(({ groups }) => groups?.['line'] ?? '')
}
