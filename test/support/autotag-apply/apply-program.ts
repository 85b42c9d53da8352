/**
 * A process that applies a plan, or goes on with the run that was broken off, so that a test can kill it.
 *
 * Arguments: address, key, folder of the state, user, file with the plan. Prints the result as JSON.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { applyPlan } from '../../../src/immich/autotag/apply/apply-plan.ts'
import { resumeRun, unfinishedRun } from '../../../src/immich/autotag/apply/resume-run.ts'
import { createAutotagClient } from '../../../src/immich/autotag/client/autotag-client.ts'
import type { Plan } from '../../../src/immich/autotag/plan.ts'
import { openAutotagState } from '../../../src/immich/autotag/state/state-file.ts'

const [address = '', key = '', folder = '', userId = '', planFile = ''] = process.argv.slice(2)
const api = createAutotagClient({ address, key, retry: { baseMs: 5 }, breaker: { probeEveryMs: 20 } })
const state = openAutotagState({ folder, address: api.address, userId })
const unfinished = unfinishedRun(state)
const result =
  unfinished === undefined
    ? await applyPlan({ api, state, plan: JSON.parse(readFileSync(planFile, 'utf8')) as Plan })
    : await resumeRun({ api, state, runId: unfinished.id })
const { run, done, undone, differences, stoppedBy } = result
process.stdout.write(`${JSON.stringify({ run, done, undone, differences, stopped: stoppedBy?.message })}\n`)
state.close()
await api.close()
