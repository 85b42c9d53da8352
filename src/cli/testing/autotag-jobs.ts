/**
 * Autotag in memory, for tests of its verbs: answers what it is told, and notes what it was asked.
 *
 * @module
 */

import type {
  ApplySummary,
  Autotag,
  AutotagJobs,
  AutotagOptions,
  PlanResult,
} from '../../immich/autotag/autotag-jobs.ts'
import type { Plan, Step } from '../../immich/autotag/plan.ts'
import type { Rules } from '../../immich/autotag/rules.ts'
import type { RunRecord } from '../../immich/autotag/state.ts'

export const TAG_STEP: Extract<Step, { op: 'tag.add' | 'tag.remove' }> = {
  rule: 'categories.unsorted',
  op: 'tag.add',
  tag: 'auto/unsorted',
  assetIds: ['a-1', 'a-2'],
}

export function planOf(steps: readonly Step[], changes: Partial<Plan> = {}): Plan {
  return {
    format: 1,
    id: 'c'.repeat(64),
    madeAt: '2026-11-22T09:15:00.000Z',
    server: {
      address: 'http://nas.local:2283',
      userId: 'u-1',
      version: { major: 3, minor: 1, patch: 0 },
    },
    rulesHash: 'a'.repeat(64),
    snapshot: { takenAt: '2026-11-22T09:14:58.000Z', assets: 1200, albums: {} },
    steps,
    overrides: [],
    remarks: [],
    ...changes,
  }
}

export function planResult(steps: readonly Step[], changes: Partial<PlanResult> = {}): PlanResult {
  return {
    plan: planOf(steps),
    estimate: { calls: { tag: 2 }, total: 2, ms: 1500, serverJobs: 2 },
    strategy: 'albums',
    calls: 9,
    tooMany: undefined,
    ...changes,
  }
}

export const RUN: RunRecord = {
  id: '2026-11-22T09-15-00Z-4f2a',
  kind: 'apply',
  undoes: undefined,
  planId: 'c'.repeat(64),
  startedAt: '2026-11-22T09:15:00.000Z',
  endedAt: '2026-11-22T09:15:02.000Z',
  status: 'completed',
}

export function applySummary(changes: Partial<ApplySummary> = {}): ApplySummary {
  return {
    run: RUN,
    done: 2,
    wasSo: 0,
    undone: [],
    differences: [],
    stoppedBy: undefined,
    left: 0,
    unseen: 0,
    calls: 2,
    ...changes,
  }
}

/** The rules that every text is read as. */
export const RULES: Rules = {
  server: { url: 'http://nas.local:2283', key: 'key-of-the-rules', session: undefined, read: 'auto' },
  scope: { visibilities: ['timeline'], where: { kind: 'always' } },
  zone: 'UTC',
  patterns: [],
  moves: [],
  categories: undefined,
  dates: undefined,
  duplicates: undefined,
  albums: [],
  checks: [],
  sharing: undefined,
  run: {
    nice: false,
    concurrency: undefined,
    maxChanges: { kind: 'share', ofAssets: 0.2 },
    journal: undefined,
  },
  hash: 'a'.repeat(64),
}

/** `asked` has the methods that were called, in order; `options` what it was opened with. */
export function fakeAutotag(
  answers: Partial<Autotag> = {},
  jobs: Partial<AutotagJobs> = {},
): { readonly asked: string[]; readonly options: AutotagOptions[]; readonly jobs: AutotagJobs } {
  const asked: string[] = []
  const options: AutotagOptions[] = []
  const autotag: Autotag = {
    plan: async () => planResult([TAG_STEP]),
    apply: async () => applySummary(),
    unfinished: () => undefined,
    resume: async () => applySummary(),
    undoPlan: async () => {
      const { plan, estimate } = planResult([{ ...TAG_STEP, op: 'tag.remove' }])
      return { plan, estimate, run: RUN.id }
    },
    explain: async (asset) => ({ lines: [`asset ${asset}`], document: { asset } }),
    lint: async () => [],
    report: async () => ({ runs: [], links: [] }),
    close: async () => undefined,
    ...answers,
  }
  const noting = new Proxy(autotag, {
    get: (target, name: keyof Autotag) => {
      if (name in target && name !== 'unfinished') asked.push(name)
      return target[name]
    },
  })
  return {
    asked,
    options,
    jobs: {
      readRules: () => ({ rules: RULES, problems: [], locate: () => ({ line: 1, column: 1 }) }),
      lint: () => [],
      importConfig: () => ({ yaml: 'version: 1\n', remarks: ['filters never worked'] }),
      parsePlan: (text) => JSON.parse(text) as Plan,
      open: async (opened) => {
        options.push(opened)
        return noting
      },
      ...jobs,
    },
  }
}
