/**
 * The same reads with 1, 2, 4, 8 and 16 calls at a time, and with as many as the limiter finds right: on an idle server,
 * and on one whose database connections others hold, all but two.
 *
 * The reads are searches by album, as of a first run with a key. `autotag-run.ts` is not used: here the client alone is
 * asked, so that nothing but the number at a time differs.
 *
 * @module
 */

import { createAutotagClient } from '../src/immich/autotag/client/autotag-client.ts'
import type { AutotagServer } from './autotag-server-process.ts'

export interface CurvePoint {
  /** Undefined: it adapts. */
  readonly concurrency: number | undefined
  readonly ms: number
  readonly averageInFlight: number
  readonly calls: number
}

export async function measureCurve(
  server: AutotagServer,
  options: {
    readonly calls: number
    readonly busy: number
    readonly levels: readonly (number | undefined)[]
  },
): Promise<readonly CurvePoint[]> {
  const { albumIds } = await server.contents()
  await server.load({ msPerCall: 80, connections: 10, busy: options.busy })
  const points: CurvePoint[] = []
  for (const concurrency of options.levels) {
    const api = createAutotagClient({ address: server.address, key: server.key, concurrency })
    // Whatever is asked once, such as the version, is asked before.
    await api.albumAssetIds(albumIds[0] ?? '', ['timeline'])
    await server.forget()
    const startedAt = performance.now()
    await Promise.all(albumIds.slice(1, options.calls + 1).map((id) => api.albumAssetIds(id, ['timeline'])))
    const ms = performance.now() - startedAt
    const { averageInFlight, calls } = await server.traffic()
    await api.close()
    points.push({ concurrency, ms, averageInFlight, calls })
  }
  await server.load(undefined)
  return points
}
