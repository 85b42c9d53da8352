/**
 * What may stand where the help says `<file>` or `<format>`: files, folders, or one of a few words.
 *
 * The command line itself takes any text and says later what is wrong with it, so this is a table of its own; a test
 * holds its words to what the settings accept.
 *
 * @module
 */

import { LOG_LEVELS } from '../logger.ts'
import { THUMBNAIL_FORMATS } from '../media/thumbnail/thumbnail.ts'
import { FINAL_STATUSES } from '../queue/task.ts'
import { REMOTE_LANES } from '../tasks/remote-api.ts'

/** `list`: some of the words, with commas between them. `any`: text that nobody can guess. */
export type ValueKind =
  | { readonly kind: 'file' | 'folder' | 'any' }
  | { readonly kind: 'word' | 'list'; readonly words: readonly string[] }

const FILE: ValueKind = { kind: 'file' }
const FOLDER: ValueKind = { kind: 'folder' }
const ANY: ValueKind = { kind: 'any' }

/** By the name between the brackets. What is not here is any text. */
const KINDS: Readonly<Record<string, ValueKind>> = {
  file: FILE,
  path: FILE,
  plan: FILE,
  queue: FILE,
  export: FILE,
  dir: FOLDER,
  library: FOLDER,
  format: { kind: 'word', words: THUMBNAIL_FORMATS },
  level: { kind: 'word', words: LOG_LEVELS },
  mode: { kind: 'word', words: ['embed', 'sidecar'] },
  status: {
    kind: 'word',
    words: ['waiting', 'pending', 'processing', 'retry', ...FINAL_STATUSES],
  },
}

/** By the flag, or by the whole of the command and the flag, where the name between the brackets tells less. */
const EXCEPTIONS: Readonly<Record<string, ValueKind>> = {
  '--lanes': { kind: 'list', words: REMOTE_LANES },
  '--map': FOLDER,
  // A name in the report, not a file.
  'heirloom upload --only': ANY,
  'heirloom queue prune --status': { kind: 'word', words: FINAL_STATUSES },
}

/**
 * @param name - Between the brackets: `file` of `<file>`.
 * @param path - The command: `['heirloom', 'queue', 'prune']`.
 * @param flag - Such as `--status`; undefined for what is given without one.
 */
export function valueKindOf(name: string, path: readonly string[], flag = ''): ValueKind {
  return EXCEPTIONS[`${path.join(' ')} ${flag}`] ?? EXCEPTIONS[flag] ?? KINDS[name] ?? ANY
}
