/**
 * The completion script of a shell, with everything it needs to know in it: pressing Tab starts no Node.
 *
 * @module
 */

import type { CommandEntry } from './command-tree.ts'
import type { Shell } from './commands/completion.ts'
import { bashCompletion } from './completion-bash.ts'
import { fishCompletion } from './completion-fish.ts'
import { zshCompletion } from './completion-zsh.ts'

const SCRIPTS: Readonly<Record<Shell, (tree: CommandEntry) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** @param tree - The whole program. */
export function completionScript(shell: Shell, tree: CommandEntry): string {
  return SCRIPTS[shell](tree)
}
