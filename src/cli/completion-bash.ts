/**
 * Completion for bash, from 3.2 (macOS) on, without the package bash-completion.
 *
 * Bash hands over the line in words and takes back a list. Names of files are left to readline, which quotes them
 * as they were begun; so an empty list means files. From bash 4 on, folders are told from files, and no file is
 * offered where a number belongs. A `=` is a word of its own there.
 *
 * @module
 */

import { allCommands, type CommandEntry, type FlagEntry, spellingsOf } from './command-tree.ts'
import type { ValueKind } from './value-kinds.ts'

export function bashCompletion(tree: CommandEntry): string {
  const commands = allCommands(tree)
  return `# bash completion for heirloom; made by: heirloom completion bash

# Names of files are what readline offers when there is nothing else; bash 3 cannot be told more than that.
_heirloom_any() { compopt +o default +o bashdefault 2>/dev/null; return 0; }
_heirloom_folders() { compopt +o default +o bashdefault -o dirnames 2>/dev/null; return 0; }

_heirloom_words() {
  _heirloom_any
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

# Words with commas between them: the last of them is completed, and those before it stay.
_heirloom_list() {
  local IFS=$'\\n' before='' word
  case $cur in *,*) before=\${cur%,*}, ;; esac
  _heirloom_any
  compopt -o nospace 2>/dev/null
  COMPREPLY=()
  for word in $1; do
    case $before\${word} in "$cur"*) COMPREPLY+=("$before$word") ;; esac
  done
}

_heirloom() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=heirloom only_names='' i
  COMPREPLY=()
  if [ "$cur" = = ]; then cur=''; elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [ "\${COMP_WORDS[i]}" = -- ]; then only_names=1; prev=''; break; fi
    case "$at \${COMP_WORDS[i]}" in
      ${orPattern(commands.slice(1).map(({ path }) => quote(path.join(' '))))})
        at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case $at in
${commands.map(caseOf).join('\n')}
  esac
}

complete -o bashdefault -o default -F _heirloom heirloom
`
}

function caseOf({ path, flags, commands, parameters }: CommandEntry): string {
  const values = flags.filter(({ takes }) => takes !== undefined)
  const names = commands.map(({ path: below }) => below.at(-1) ?? '')
  const rest = parameters.at(0)
  return `    ${quote(path.join(' '))})
      case $prev in
${values.map((flag) => `        ${orPattern(spellingsOf(flag))}) ${completeValue(flag)}; return ;;`).join('\n')}
      esac
      if [ -z "$only_names" ]; then
        case $cur in -*) _heirloom_words ${quote(flags.flatMap(spellingsOf).join('\n'))}; return ;; esac
      fi
      ${names.length > 0 ? `_heirloom_words ${quote(names.join('\n'))}` : rest === undefined ? '_heirloom_any' : complete(rest.takes)} ;;`
}

function completeValue({ takes }: FlagEntry): string {
  return complete(takes ?? { kind: 'any' })
}

function complete(takes: ValueKind): string {
  switch (takes.kind) {
    case 'file':
      return ':'
    case 'folder':
      return '_heirloom_folders'
    case 'any':
      return '_heirloom_any'
    case 'word':
      return `_heirloom_words ${quote(takes.words.join('\n'))}`
    case 'list':
      return `_heirloom_list ${quote(takes.words.join('\n'))}`
  }
}

function orPattern(words: readonly string[]): string {
  return words.join('|')
}

/** For the shell, whatever is in it. */
function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')
  return /[\n\\']/u.test(text) ? `$'${escaped}'` : `'${text}'`
}
