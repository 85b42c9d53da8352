/**
 * Completion for zsh: one function for each command, in the words of `_arguments`.
 *
 * @module
 */

import { allCommands, type CommandEntry, type FlagEntry, spellingsOf } from './command-tree.ts'
import type { ValueKind } from './value-kinds.ts'

export function zshCompletion(tree: CommandEntry): string {
  return `#compdef heirloom
# zsh completion for heirloom; made by: heirloom completion zsh

${allCommands(tree).map(functionOf).join('\n\n')}

# In fpath the file is the function; sourced, it says what it is for.
if [ "$funcstack[1]" = _heirloom ]; then
  _heirloom "$@"
else
  compdef _heirloom heirloom
fi
`
}

function functionOf(entry: CommandEntry): string {
  return entry.commands.length > 0 ? functionOfParent(entry) : functionOfLeaf(entry)
}

function functionOfLeaf({ path, flags, parameters }: CommandEntry): string {
  const specs = [
    ...flags.map(flagSpec),
    ...parameters.map(({ isVariadic, isRequired, name, takes }, index) => {
      // `*::` would mean that the words before it are forgotten.
      const place = isVariadic ? '*:' : `${index + 1}:${isRequired ? '' : ':'}`
      return quote(`${place}${plain(name)}:${action(takes)}`)
    }),
  ]
  return `${functionName(path)}() {
  _arguments -s -S : \\
${specs.map((spec) => `    ${spec}`).join(' \\\n')}
}`
}

function functionOfParent({ path, flags, commands }: CommandEntry): string {
  const described = commands.map(({ path: below, summary }) =>
    quote(`${below.at(-1)}:${summary.replaceAll(/[\\:]/gu, '\\$&')}`),
  )
  const calls = commands.map(
    ({ path: below }) => `        ${below.at(-1)}) ${functionName(below)} && ret=0 ;;`,
  )
  return `${functionName(path)}() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  _arguments -C -s -S : \\
${flags.map((flag) => `    ${flagSpec(flag)} \\`).join('\n')}
    '1: :->command' \\
    '*:: :->rest' && ret=0
  case $state in
    command)
      local -a commands
      commands=(
${described.map((one) => `        ${one}`).join('\n')}
      )
      _describe -t commands command commands && ret=0 ;;
    rest)
      case $line[1] in
${calls.join('\n')}
      esac ;;
  esac
  return ret
}`
}

/** `'(-o --output)'{-o+,--output=}'[…]:library:_files -/'`: a flag is not offered again, in neither spelling. */
function flagSpec(flag: FlagEntry): string {
  const { describes, takes, value, isRepeatable } = flag
  const spellings = spellingsOf(flag)
  const names = spellings.map((name) =>
    takes === undefined ? name : name.startsWith('--') ? `${name}=` : `${name}+`,
  )
  const excludes = isRepeatable ? '*' : `(${spellings.join(' ')})`
  const braces = names.length > 1 ? `{${names.join(',')}}` : names.join('')
  const message = takes === undefined ? '' : `:${plain(value ?? '')}:${action(takes)}`
  return `${quote(excludes)}${braces}${quote(`[${escaped(describes)}]${message}`)}`
}

function action(takes: ValueKind): string {
  switch (takes.kind) {
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'any':
      return ' '
    case 'word':
      return `(${takes.words.join(' ')})`
    case 'list':
      return `_values -s , item ${takes.words.join(' ')}`
  }
}

function functionName(path: readonly string[]): string {
  return `_${path.join('__').replaceAll('-', '_')}`
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\]]/gu, '\\$&')
}

function plain(text: string): string {
  return text.replaceAll(':', ' ')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
