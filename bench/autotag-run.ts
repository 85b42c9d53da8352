/**
 * What `heirloom autotag` does, in a process of its own so that its memory and time can be told: read, decide, apply.
 *
 *     node bench/autotag-run.ts '{"address":…,"credentials":…,"stateFolder":…,"rules":…,"read":"auto","apply":true}'
 *
 * Prints one line of JSON, a {@link RunReport}.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { keepHeapSmall } from '../src/frugal-heap.ts'
import { applyPlan } from '../src/immich/autotag/apply/apply-plan.ts'
import { createAutotagClient } from '../src/immich/autotag/client/autotag-client.ts'
import { decide } from '../src/immich/autotag/decide/decide.ts'
import { makePlan } from '../src/immich/autotag/decide/make-plan.ts'
import { loadSnapshot } from '../src/immich/autotag/load/load-snapshot.ts'
import type { Plan, Step, StepOp } from '../src/immich/autotag/plan.ts'
import { needsOf } from '../src/immich/autotag/rules/needs.ts'
import { readRules } from '../src/immich/autotag/rules/read-rules.ts'
import type { Rules } from '../src/immich/autotag/rules.ts'
import { openAutotagState } from '../src/immich/autotag/state/state-file.ts'
import type { Credentials } from '../src/immich/exchange.ts'

export interface RunSettings {
  readonly address: string
  readonly userId: string
  readonly credentials: Credentials
  readonly stateFolder: string
  /** Text of a rules file. */
  readonly rules: string
  readonly read: 'auto' | 'session' | 'filter' | 'albums'
  /** Else it only plans. */
  readonly apply: boolean
  /** Calls at a time; without it, it adapts. */
  readonly concurrency?: number
}

export interface RunReport {
  readonly strategy: string
  readonly loadMs: number
  readonly decideMs: number
  readonly applyMs: number
  readonly loadCalls: number
  readonly applyCalls: number
  readonly plan: PlanCounts
  readonly remarks: number
  readonly overrides: number
  /** Changes that were not made, with why. */
  readonly undone: readonly string[]
  readonly differences: readonly string[]
  /** Most memory that it ever had, of the kernel (`VmHWM`); undefined without /proc. */
  readonly peakBytes: number | undefined
}

export interface PlanCounts {
  /** Pairs, or albums where `albums` says so. */
  readonly changes: Readonly<Partial<Record<StepOp, number>>>
  readonly steps: Readonly<Partial<Record<StepOp, number>>>
  readonly assets: number
}

const settings = JSON.parse(process.argv[2] ?? '{}') as RunSettings
process.stdout.write(`${JSON.stringify(await run(settings))}\n`)

async function run(options: RunSettings): Promise<RunReport> {
  const { address, credentials, concurrency, stateFolder, userId } = options
  keepHeapSmall('both')
  const api = createAutotagClient({ address, key: credentials, concurrency })
  const state = openAutotagState({ folder: stateFolder, address: api.address, userId })
  try {
    const rules = rulesOf(options.rules)
    const startedAt = performance.now()
    const needs = needsOf(rules)
    const loaded = await loadSnapshot({ api, needs, read: options.read, cache: state.members })
    const loadedAt = performance.now()
    const facts = state.facts()
    const decision = decide(loaded.snapshot, rules, facts)
    const madeAt = new Date().toISOString()
    const plan = makePlan({ snapshot: loaded.snapshot, rules, decision, facts, madeAt })
    const decidedAt = performance.now()
    const applied = options.apply && plan.steps.length > 0 ? await applyPlan({ api, state, plan }) : undefined
    return {
      strategy: loaded.strategy,
      loadMs: loadedAt - startedAt,
      decideMs: decidedAt - loadedAt,
      applyMs: performance.now() - decidedAt,
      loadCalls: loaded.calls,
      applyCalls: applied?.calls ?? 0,
      plan: countsOf(plan),
      remarks: plan.remarks.length,
      overrides: plan.overrides.length,
      undone: (applied?.undone ?? []).map(({ step, outcome, ids, message }) =>
        `${step.op} of ${step.rule}: ${outcome} ${ids.length} (${message})`.slice(0, 300),
      ),
      differences: (applied?.differences ?? []).slice(0, 20),
      peakBytes: peakBytes(),
    }
  } finally {
    state.close()
    await api.close()
  }
}

function rulesOf(text: string): Rules {
  const { rules, problems } = readRules(text, { fileName: 'bench.yaml', env: {} })
  if (rules !== undefined) return rules
  throw new Error(problems.map(({ line, where, message }) => `line ${line}, ${where}: ${message}`).join('\n'))
}

function countsOf({ steps }: Plan): PlanCounts {
  const changes = new Map<StepOp, number>()
  const groups = new Map<StepOp, Set<string>>()
  const assets = new Set<string>()
  for (const step of steps) {
    const ids = 'assetIds' in step ? step.assetIds : []
    changes.set(step.op, (changes.get(step.op) ?? 0) + Math.max(1, ids.length))
    groups.set(step.op, (groups.get(step.op) ?? new Set()).add(groupOf(step)))
    for (const id of ids) assets.add(id)
  }
  const counted = [...groups].map(([op, group]) => [op, group.size] as const)
  return { changes: Object.fromEntries(changes), steps: Object.fromEntries(counted), assets: assets.size }
}

/** The album or the value: several rules may change the same. */
function groupOf(step: Step): string {
  if ('album' in step) return JSON.stringify(step.album)
  return 'to' in step ? JSON.stringify(step.to) : step.tag
}

function peakBytes(): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s+(?<kb>\d+) kB$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.groups?.[
      'kb'
    ]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}
