/**
 * `heirloom completion`: the script that lets a shell complete command lines.
 *
 * @module
 */

import { Argument, type Command } from 'commander'
import {
  type CommandContext,
  newCommand,
  type Run,
  type SharedOptions,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

export interface CompletionOptions extends SharedOptions {
  readonly shell: Shell
  /** The whole command line, which the script is made of. */
  readonly program: Command
}

export function completionCommand(run: Run<CompletionOptions>): Command {
  const command = newCommand('completion', 'print the script that completes command lines in your shell', [
    'heirloom completion bash > ~/.local/share/bash-completion/completions/heirloom',
    'heirloom completion zsh > "$' + '{fpath[1]}/_heirloom"',
    'heirloom completion fish > ~/.config/fish/completions/heirloom.fish',
  ]).addArgument(new Argument('<shell>', SHELLS.join(', ')).choices(SHELLS))
  command.action((shell: Shell, parsed: Record<string, unknown>) =>
    run({ ...sharedOptions(parsed), shell, program: command.parent ?? command }),
  )
  return withSharedFlags(command)
}

export async function runCompletion(
  { io }: CommandContext,
  { shell, program }: CompletionOptions,
): Promise<number> {
  const [{ completionScript }, { readCommandTree }] = await Promise.all([
    import('../completion.ts'),
    import('../command-tree.ts'),
  ])
  io.stdout.write(completionScript(shell, readCommandTree(program)))
  return 0
}
