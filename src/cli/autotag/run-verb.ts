/**
 * The verbs of `heirloom autotag`, by name.
 *
 * @module
 */

import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions, AutotagVerb } from '../commands/autotag.ts'
import { runApply } from './apply-verb.ts'
import { runImport } from './import-verb.ts'
import { runExplain, runLint, runPlan, runReport } from './look-verbs.ts'
import { runUndo } from './undo-verb.ts'
import { runWatch } from './watch-verb.ts'

type RunVerb = (context: CommandContext, options: AutotagCommandOptions) => Promise<number>

const RUN: { readonly [Verb in AutotagVerb]: RunVerb } = {
  plan: runPlan,
  apply: runApply,
  undo: runUndo,
  explain: runExplain,
  lint: runLint,
  watch: runWatch,
  import: runImport,
  report: runReport,
}

export async function runVerb(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await RUN[options.verb](context, options)
}
