/**
 * Whether a plan may be applied here at all.
 *
 * @module
 */

import { HeirloomError } from '../../../errors.ts'
import type { AutotagApi } from '../autotag-api.ts'
import type { Plan } from '../plan.ts'
import { planIdOf } from '../plan-id.ts'

/** Thrown when a plan is not what was shown, or not for this server and user. */
export class WrongPlanError extends HeirloomError {
  readonly code = 'autotag/wrong-plan'
  readonly recovery = 'discard'

  constructor(planId: string, reason: string) {
    super(`plan ${planId.slice(0, 12)} ${reason}`, { hint: 'Make a new plan with `heirloom autotag plan`.' })
  }
}

/** @throws {@link WrongPlanError} */
export async function checkPlan(plan: Plan, api: AutotagApi, signal?: AbortSignal): Promise<void> {
  if (plan.id !== planIdOf(plan)) throw new WrongPlanError(plan.id, 'was changed after it was made')
  const { address, userId } = plan.server
  if (address !== api.address) throw new WrongPlanError(plan.id, `is for ${address}, not for ${api.address}`)
  const me = await api.me(signal)
  if (me !== undefined && me.id !== userId) {
    throw new WrongPlanError(plan.id, `is for user ${userId}, not for ${me.name} (${me.id})`)
  }
}
