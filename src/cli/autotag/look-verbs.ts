/**
 * The verbs of `heirloom autotag` that change nothing: plan, explain, lint, report.
 *
 * @module
 */

import type { Autotag, PlanResult } from '../../immich/autotag/autotag-jobs.ts'
import { pluralize } from '../../units.ts'
import type { CommandContext } from '../command.ts'
import { configOf } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { requireConfig } from '../config.ts'
import { paintFor } from '../paint.ts'
import { neutralize } from '../text-width.ts'
import { planPage } from './plan-page.ts'
import { planLines } from './plan-view.ts'
import { reportLines, reportPage } from './report-view.ts'
import { problemLines, readRulesFile, type Session } from './session.ts'
import { print, withAutotag, writeNamedFile } from './with-autotag.ts'

export async function runPlan(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session) => {
    const { own, json } = options
    const result = await autotag.plan({ forgetOverrides: own['forgetOverrides'] === true })
    session.view.stop()
    if (typeof own['out'] === 'string')
      await writeNamedFile(context.io, own['out'], `${JSON.stringify(result.plan, undefined, 2)}\n`, 'w')
    if (typeof own['html'] === 'string')
      await writeNamedFile(context.io, own['html'], planPage(result.plan), 'w')
    print(context.io, json ? [JSON.stringify(result)] : shownPlan(result, session))
    if (!json && result.plan.steps.length > 0) print(context.io, ['', nextStep(own['out'])])
    return 0
  })
}

/** The plan with what reading took, and whether it is too much to be applied unasked. */
export function shownPlan(result: PlanResult, { style }: Pick<Session, 'style'>): string[] {
  const { plan, estimate, calls, tooMany } = result
  const { assets } = plan.snapshot
  const lines = [
    `Looked at ${pluralize(assets, 'asset')} in ${pluralize(calls, 'call')}: ${neutralize(plan.server.address)}`,
    ...(plan.steps.length === 0 ? ['Nothing to change: the library is as the rules want it.'] : []),
    ...planLines(plan, estimate, style),
  ]
  if (tooMany === undefined) return lines
  const much = `${pluralize(tooMany.assets, 'asset')} would change, more than max-changes allows (${tooMany.allowed})`
  return [...lines, style.paint.yellow(much)]
}

function nextStep(out: unknown): string {
  return typeof out === 'string'
    ? `Nothing was changed. To apply just this: heirloom autotag apply ${neutralize(out)}`
    : 'Nothing was changed. To apply it: heirloom autotag apply'
}

export async function runExplain(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session) => {
    const { lines, document } = await autotag.explain(options.subject ?? '')
    session.view.stop()
    print(context.io, options.json ? [JSON.stringify(document)] : lines.map((line) => neutralize(line)))
    return 0
  })
}

/** 1 with a mistake in the file; warnings alone are 0. */
export async function runLint(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  const { io, services } = context
  const file = await readRulesFile(io, options.own['rules'])
  const jobs = await services.autotag()
  const {
    rules,
    problems: mistakes,
    locate,
  } = jobs.readRules(file.text, {
    fileName: file.path,
    env: io.env,
  })
  const problems = rules === undefined ? mistakes : [...mistakes, ...jobs.lint(rules, locate)]
  const hasErrors = problems.some(({ severity }) => severity === 'error')
  if (hasErrors || rules === undefined || options.own['offline'] === true) {
    printProblems(context, options, file.path, problems)
    return hasErrors ? 1 : 0
  }
  const work = async (autotag: Autotag, session: Session): Promise<number> => {
    const all = [...problems, ...(await autotag.lint())]
    session.view.stop()
    printProblems(context, options, file.path, all)
    return all.some(({ severity }) => severity === 'error') ? 1 : 0
  }
  return await withAutotag(context, options, work, { loaded: { file, rules, locate } })
}

function printProblems(
  { io }: CommandContext,
  options: AutotagCommandOptions,
  path: string,
  problems: Parameters<typeof problemLines>[1],
): void {
  if (options.json) {
    print(io, [JSON.stringify({ file: path, problems })])
    return
  }
  const paint = paintFor(io, io.stdout, requireConfig(configOf(io, options)).color)
  const lines = problemLines(path, problems).map((line) => neutralize(line))
  print(io, lines.length === 0 ? [paint.green('the rules are fine')] : lines)
}

export async function runReport(context: CommandContext, options: AutotagCommandOptions): Promise<number> {
  return await withAutotag(context, options, async (autotag, session) => {
    const report = await autotag.report()
    session.view.stop()
    const { html } = options.own
    if (typeof html === 'string') await writeNamedFile(context.io, html, reportPage(report), 'w')
    print(context.io, options.json ? [JSON.stringify(report)] : reportLines(report, session.style))
    return 0
  })
}
