/**
 * The manual page `heirloom(1)`, in roff: made by the build from the same tree and tables as `--help`, so that it
 * tells of every command, flag and variable that there is.
 *
 * Only macros of man(7) that every formatter knows, mandoc among them; what is not ASCII is written as `\[u00FC]`,
 * because which encoding a page is read in depends on the reader's system; but for the `…`, which not every terminal has.
 *
 * @module
 */

import {
  allCommands,
  type CommandEntry,
  type FlagEntry,
  type ParameterEntry,
  spellingsOf,
} from './command-tree.ts'
import { CONFIG_KEY_NAMES, CONFIG_KEYS, toFileKey, toVariable } from './config-keys.ts'

/** A term and what is to be said of it. */
type Item = readonly [term: string, describes: string]

const EXIT_CODES: readonly Item[] = [
  ['0', 'All well.'],
  [
    '1',
    'Something failed, and it was said what: a file, an export, a check, a program that is missing, a result that could not be written.',
  ],
  ['2', 'The command line or a setting cannot be used as given; nothing was done.'],
  ['130', 'Interrupted, by Ctrl-C or SIGTERM; what was done stays.'],
]

const OTHER_VARIABLES: readonly Item[] = [
  ['AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN', 'Key of a bucket that speaks S3.'],
  ['AWS_REGION', 'Region of the bucket.'],
  ['S3_ENDPOINT', "Address of a bucket's server that is not Amazon's."],
  ['S3_BUCKET_NAME', 'The bucket, where the address s3:// names none.'],
  ['NODE_EXTRA_CA_CERTS', 'PEM file with more authorities that servers are believed by.'],
  ['NODE_COMPILE_CACHE', 'Folder for compiled code; default: heirloom/compile-cache in the cache folder.'],
  [
    'XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_STATE_HOME',
    'The config folder (~/.config), the cache folder (~/.cache), the state folder (~/.local/state).',
  ],
  ['NO_COLOR', 'Anything: no colours.'],
  ['TERM', 'dumb: no colours, and progress line by line.'],
]

const FILES: readonly Item[] = [
  [
    'heirloom.yaml',
    'The settings, in the current folder; else heirloom/config.yaml in the config folder. --config names another.',
  ],
  ['.env', 'Variables, in the current folder. --env-file names another.'],
  [
    'autotag.yaml',
    'The rules of autotag, in the current folder; else heirloom/autotag.yaml in the config folder.',
  ],
  [
    'LIBRARY/.heirloom/library.db',
    'The catalog and the queue; in the folder of --state where that is given.',
  ],
  ['LIBRARY/.heirloom/uploads, LIBRARY/.heirloom/thumbs', 'What the server was sent, and thumbnails.'],
  ['LIBRARY/report-latest.html, LIBRARY/report-latest.json', 'The report of the last ingest.'],
]

/** @param about.version - Of the package: `0.1.0`. */
export function manPage(tree: CommandEntry, { version }: { readonly version: string }): string {
  const [name = ''] = tree.path
  return `${[
    '.\\" Made by the build of heirloom; not to be edited.',
    `.TH ${name.toUpperCase()} 1 "" ${quoted(`${name} ${version}`)} "User Commands"`,
    '.SH NAME',
    `${text(name)} \\- dated, deduplicated media library of photo platforms' exports`,
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I command',
    '.RI [ option ...]',
    '.RI [ argument ...]',
    '.SH DESCRIPTION',
    ...paragraph(tree.summary),
    '.PP',
    ...paragraph('Data goes to stdout; progress, warnings and errors go to stderr.'),
    '.SH OPTIONS',
    ...tree.flags.flatMap(flagLines),
    '.SH COMMANDS',
    ...allCommands(tree).slice(1).flatMap(commandLines),
    '.SH EXIT STATUS',
    ...items(EXIT_CODES),
    '.SH ENVIRONMENT',
    ...paragraph(
      'Of several values of one setting counts the first of: flag, variable, .env file, config file, default. The line in the config file is the name in brackets.',
    ),
    ...items([...settings(), ...OTHER_VARIABLES]),
    '.SH FILES',
    ...items(FILES),
    '.SH EXAMPLES',
    ...exampleLines(tree.examples),
    '.SH SEE ALSO',
    '.BR exiftool (1p),',
    '.BR ffmpeg (1)',
  ].join('\n')}\n`
}

function settings(): Item[] {
  return CONFIG_KEY_NAMES.map((key) => {
    const { describes, expects, fallback, alias } = CONFIG_KEYS[key]
    const names = [toVariable(key), ...(alias === undefined ? [] : [alias])].join(', ')
    const value = fallback === undefined ? '' : ` Default: ${String(fallback)}.`
    return [`${names} (${toFileKey(key)})`, `${describes}; ${expects}.${value}`]
  })
}

function commandLines({ path, summary, usage, parameters, flags, examples }: CommandEntry): string[] {
  return [
    `.SS ${quoted(path.join(' '))}`,
    `.B ${text(path.join(' '))}`,
    ...paragraph(usage),
    '.PP',
    ...paragraph(`${summary}.`),
    ...parameters.flatMap(parameterLines),
    ...flags.flatMap(flagLines),
    ...(examples.length > 0 ? ['.PP', 'Examples:', ...exampleLines(examples)] : []),
  ]
}

function parameterLines({ name, describes }: ParameterEntry): string[] {
  return ['.TP', `.I ${text(name)}`, ...paragraph(describes)]
}

function flagLines(flag: FlagEntry): string[] {
  const names = spellingsOf(flag).map((name) => `\\fB${text(name)}\\fR`)
  const value = flag.value === undefined ? '' : ` \\fI${text(flag.value)}\\fR`
  return ['.TP', names.join(', ') + value, ...paragraph(flag.describes)]
}

function items(list: readonly Item[]): string[] {
  return list.flatMap(([term, describes]) => ['.TP', `.B ${text(term)}`, ...paragraph(describes)])
}

function exampleLines(examples: readonly string[]): string[] {
  return examples.length === 0
    ? []
    : ['.PP', '.nf', '.RS', ...examples.map((line) => text(line)), '.RE', '.fi']
}

function paragraph(words: string): string[] {
  return words.split('\n').map(text)
}

/** One line of text, whatever is in it. */
function text(words: string): string {
  const escaped = words
    .replaceAll('…', '...')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll(/[^\u0020-\u007E]/gu, (letter) => `\\[u${hex(letter)}]`)
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped
}

function quoted(words: string): string {
  return `"${text(words).replaceAll('"', '\\(dq')}"`
}

function hex(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
}
