/**
 * Steps for tests of applying, each of one rule, and a server in memory for them.
 *
 * @module
 */

import type { DateText, Step } from '../../../src/immich/autotag/plan.ts'
import { MemoryServer } from './memory-server.ts'
import { dateText } from './sample-plan.ts'

export const MAY: DateText = dateText(Date.UTC(2024, 4, 1))

/** With `count` assets. */
export function server(count: number): { readonly server: MemoryServer; readonly ids: readonly string[] } {
  const memory = new MemoryServer()
  return { server: memory, ids: Array.from({ length: count }, () => memory.addAsset().id) }
}

export function tag(op: 'tag.add' | 'tag.remove', name: string, assetIds: readonly string[]): Step {
  return { op, rule: 'checks/x', tag: name, assetIds }
}

/** To {@link MAY}, from what they have now. */
export function date(memory: MemoryServer, assetIds: readonly string[]): Step {
  const before = assetIds.map((id) => {
    const taken = memory.assets.get(id)?.taken
    return taken === undefined ? null : dateText(taken.atMs)
  })
  return { op: 'date.set', rule: 'dates', to: MAY, precision: 'day', assetIds, before }
}
