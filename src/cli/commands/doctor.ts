/**
 * `heirloom doctor`: is everything here that the jobs need, and what would slow them down?
 *
 * @module
 */

import type { Command } from 'commander'
import {
  type CommandContext,
  configOf,
  newCommand,
  type Run,
  type SharedOptions,
  setting,
  sharedOptions,
  withSharedFlags,
} from '../command.ts'
import type { ResolvedConfig } from '../config.ts'
import { type Finding, type FindingState, runChecks } from '../doctor-checks.ts'
import type { Io } from '../io.ts'
import { type Paint, paintFor } from '../paint.ts'
import { REDIS_SETTINGS, readRedis, redisFlags } from '../redis-settings.ts'
import { neutralize, pad } from '../text-width.ts'
import { UsageError } from '../usage-error.ts'

export interface DoctorOptions extends SharedOptions {
  readonly library: string | undefined
  readonly json: boolean
}

export function doctorCommand(run: Run<DoctorOptions>): Command {
  const command = newCommand('doctor', 'check this machine: programs, limits, disk', [
    'heirloom doctor',
    'heirloom doctor ~/Photos',
    'heirloom doctor --redis redis://nas.local:6379',
  ])
    .argument('[library]', 'also check the folder of this library (default: the setting output)')
    .option('--json', 'one JSON document')
  setting(command, 'state', '--state <dir>')
  redisFlags(command)
  command.action((library: string | undefined, parsed: Record<string, unknown>) =>
    run({
      ...sharedOptions(parsed, ['state', ...REDIS_SETTINGS]),
      library,
      json: parsed['json'] === true,
    }),
  )
  return withSharedFlags(command)
}

export async function runDoctor({ io }: CommandContext, options: DoctorOptions): Promise<number> {
  const flags = options.library === undefined ? options.flags : { ...options.flags, output: options.library }
  const resolved = configOf(io, { ...options, flags })
  const { values, problems, warnings } = resolved
  const findings: Finding[] = [
    ...(await runChecks({ library: values.output, state: values.state, env: io.env })),
    ...(await redisFindings(resolved, io)),
    ...problems.map(
      (detail): Finding => ({ name: 'settings', state: 'fail', detail, hint: 'See: heirloom config show' }),
    ),
    ...warnings.map((detail): Finding => ({ name: 'settings', state: 'warn', detail })),
  ]
  const failed = findings.some(({ state }) => state === 'fail')
  if (options.json) io.stdout.write(`${JSON.stringify({ ok: !failed, findings })}\n`)
  else printFindings(findings, paintFor(io, io.stdout, values.color), (line) => io.stdout.write(`${line}\n`))
  return failed ? 1 : 0
}

/** None without a server: most have no use for one. */
async function redisFindings(resolved: ResolvedConfig, io: Io): Promise<Finding[]> {
  const said: string[] = []
  try {
    const redis = await readRedis(resolved, io, (line) => said.push(line))
    if (redis === undefined) return []
    const { checkRedis } = await import('../doctor-redis.ts')
    return [...(await checkRedis(redis)), ...said.map(asWarning)]
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return error.problems.map((detail): Finding => ({ name: 'redis', state: 'fail', detail }))
  }
}

function asWarning(line: string): Finding {
  return { name: 'redis', state: 'warn', detail: line.replace(/^warning: /u, '') }
}

/** One line each, with its hint below. */
export function printFindings(
  findings: readonly Finding[],
  paint: Paint,
  write: (line: string) => void,
): void {
  const painted: Record<FindingState, string> = {
    ok: paint.green('ok  '),
    warn: paint.yellow('warn'),
    fail: paint.red('FAIL'),
  }
  const columns = Math.max(...findings.map(({ name }) => name.length))
  for (const { name, state, detail, hint } of findings) {
    write(`${painted[state]}  ${pad(name, columns)}  ${neutralize(detail)}`)
    if (hint !== undefined) write(`      ${' '.repeat(columns)}  ${neutralize(hint)}`)
  }
  const count = (state: FindingState): number => findings.filter((finding) => finding.state === state).length
  write(`\n${count('ok')} ok, ${count('warn')} to know of, ${count('fail')} to repair`)
}
