/**
 * For how long a silent coordinator is believed in.
 *
 * @module
 */

/** One that was not heard of for twice the usual lease (15 s) is not listed any more. */
export const COORDINATOR_GONE_MS = 30_000

/** Its row is kept for a day: by it its death can be proved after a long sleep of the machine. */
export const COORDINATOR_KEPT_MS = 86_400_000
