/**
 * Completion for fish: one line for each command, flag and value.
 *
 * @module
 */

import { allCommands, type CommandEntry, type FlagEntry, type ParameterEntry } from './command-tree.ts'
import type { ValueKind } from './value-kinds.ts'

export function fishCompletion(tree: CommandEntry): string {
  const commands = allCommands(tree)
  const below = commands.slice(1).map(({ path }) => quote(path.slice(1).join(' ')))
  return `# fish completion for heirloom; made by: heirloom completion fish

# Whether the line so far is of just this command.
function __heirloom_at
    set -l at
    for word in (commandline -opc)[2..-1]
        test "$word" = --; and break
        set -l further (string join -- ' ' $at $word)
        contains -- $further ${below.join(' ')}; and set at $at $word
    end
    test "$at" = "$argv"
end

# Words with commas between them: the last of them is completed, and those before it stay.
function __heirloom_list
    set -l before (string match -r '^(?:.*[,=])?' -- (commandline -ct | string replace -r '^--[^=]*=' ''))
    for word in $argv
        echo $before$word
    end
end

complete -c heirloom -f
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, flags, commands, parameters }: CommandEntry): string[] {
  const at = quote(`__heirloom_at ${path.slice(1).join(' ')}`.trim())
  const start = `complete -c heirloom -n ${at}`
  return [
    ...commands.map(
      ({ path: below, summary }) => `${start} -a ${quote(below.at(-1) ?? '')} -d ${quote(summary)}`,
    ),
    ...flags.map((flag) => `${start} ${flagWords(flag)} -d ${quote(flag.describes)}`),
    ...parameters.slice(0, 1).flatMap((parameter) => parameterLines(start, parameter, commands)),
  ]
}

function flagWords({ short, long, takes }: FlagEntry): string {
  const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`
  return takes === undefined ? names : `${names} ${valueWords(takes)}`
}

function parameterLines(
  start: string,
  { takes, describes }: ParameterEntry,
  commands: readonly CommandEntry[],
): string[] {
  if (commands.length > 0 || takes.kind === 'any') return []
  const words = takes.kind === 'file' ? '-F' : `-a ${argumentsOf(takes)}`
  return [`${start} ${words} -d ${quote(describes)}`]
}

function valueWords(takes: ValueKind): string {
  if (takes.kind === 'file') return '-r -F'
  return takes.kind === 'any' ? '-x' : `-x -a ${argumentsOf(takes)}`
}

function argumentsOf(takes: ValueKind): string {
  switch (takes.kind) {
    case 'folder':
      return quote('(__fish_complete_directories)')
    case 'list':
      return quote(`(__heirloom_list ${takes.words.join(' ')})`)
    case 'word':
      return quote(takes.words.join(' '))
    case 'file':
    case 'any':
      return quote('')
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
