/**
 * What every backend promises, as one suite that each runs.
 *
 * The program under test counts effects through the callbacks of {@link EffectLog}, so that the suite needs to
 * know no database.
 *
 * @module
 */

import { afterEach, beforeEach, describe } from 'node:test'
import { describeAdditions } from './conformance/additions.ts'
import { describeCancelling } from './conformance/cancelling.ts'
import { describeCoordinators } from './conformance/coordinators.ts'
import { type BackendFactory, type Bundle, Driver } from './conformance/driver.ts'
import { describeLaneRules } from './conformance/lane-rules.ts'
import { describeLeases } from './conformance/leases.ts'
import { describeListing } from './conformance/listing.ts'
import { describeOrder } from './conformance/order.ts'
import { describePrograms } from './conformance/programs.ts'
import { type Skips, withSkips } from './conformance/promise.ts'
import { describePrune } from './conformance/prune.ts'
import { describeQuestions } from './conformance/questions.ts'
import { describeRetrying } from './conformance/retrying.ts'
import { describeSchedules } from './conformance/schedules.ts'
import { describeSettling } from './conformance/settling.ts'
import { describeStatistics } from './conformance/statistics.ts'
import { describeGroups, describeWaiting } from './conformance/waiting.ts'

export type { BackendFactory, Bundle } from './conformance/driver.ts'
export {
  CONFORMANCE_PROGRAM_KIND,
  conformanceProgram,
  type EffectLog,
} from './conformance/program.ts'
export type { Skips } from './conformance/promise.ts'

export interface ConformanceOptions {
  /** By exact name of a test: why this backend cannot keep that promise. Such a test is skipped and says so. */
  readonly skips?: Skips
}

/** Runs the suite; `name` goes before each test. */
export function describeBackend(
  name: string,
  open: BackendFactory,
  { skips = {} }: ConformanceOptions = {},
): void {
  describe(name, () => {
    let bundle: Bundle
    beforeEach(async () => {
      bundle = await open()
    })
    afterEach(() => bundle.backend.close())
    withSkips(skips, () => describeAll(new Driver(() => bundle)))
  })
}

function describeAll(driver: Driver): void {
  describeOrder(driver)
  describeSettling(driver)
  describeLeases(driver)
  describeWaiting(driver)
  describeGroups(driver)
  describePrograms(driver)
  describeQuestions(driver)
  describeAdditions(driver)
  describeLaneRules(driver)
  describeCancelling(driver)
  describeRetrying(driver)
  describeListing(driver)
  describeSchedules(driver)
  describeStatistics(driver)
  describeCoordinators(driver)
  describePrune(driver)
}
