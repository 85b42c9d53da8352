/**
 * How much a test of random sequences does in a run of all tests. `HEIRLOOM_MODEL_RUNS` asks for more.
 *
 * @module
 */

/** Sequences a round: what a test run has the time for. */
export const MODEL_RUNS: number = Number(process.env['HEIRLOOM_MODEL_RUNS'] ?? 75)
