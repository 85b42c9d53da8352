/**
 * Deciding: a library and rules in, a plan out. Nothing here calls a server.
 *
 * @module
 */

export { changeLimit, countTouched, exceeds } from './change-limit.ts'
export { decide, NO_FACTS } from './decide.ts'
export type { Change, Decision, ShareChange } from './decision.ts'
export { type Explanation, explainAsset } from './explain-asset.ts'
export { makePlan, type PlanParts } from './make-plan.ts'
