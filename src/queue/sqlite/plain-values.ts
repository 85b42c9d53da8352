/**
 * What is asked of the store's thread, with the values in it as JSON would make them.
 *
 * A payload or a result is promised to be stored as JSON. A message to a thread is copied by other rules: it loses what
 * a `toJSON` would have said, and a single function in it fails the whole request. Nearly all values are plain and are
 * sent as they are: to find that out is a fraction of the copy.
 *
 * @module
 */

import type { Backend, ExchangeRequest, Schedule, Settlement } from '../backend.ts'
import { payloadJson } from '../new-task.ts'
import type { NewTask } from '../task.ts'
import type { StoreMethod } from './store-protocol.ts'

/** Deeper values are left to JSON, which knows what to do about rings. */
const MAX_DEPTH = 50

/** @throws `queue/invalid-task` for a payload that is not JSON. */
export function plainParameters(
  method: StoreMethod | 'close',
  parameters: readonly unknown[],
): readonly unknown[] {
  const [first, ...rest] = parameters
  if (method === 'add') return [(first as readonly NewTask[]).map(plainTask), ...rest]
  if (method === 'exchange') return [plainExchange(first as ExchangeRequest), ...rest]
  if (method === 'renew') return plainRenewal(parameters as Parameters<Backend['renew']>)
  if (method === 'putSchedule') return [{ ...(first as Schedule), task: sendable((first as Schedule).task) }]
  return parameters
}

function plainTask(task: NewTask): NewTask {
  return isPlain(task.payload) ? task : { ...task, payload: JSON.parse(payloadJson(task)) as unknown }
}

function plainExchange({ settle, claim }: ExchangeRequest): ExchangeRequest {
  return { settle: settle.map(plainSettlement), claim }
}

function plainSettlement(settlement: Settlement): Settlement {
  if (settlement.outcome !== 'completed' || isPlain(settlement.result)) return settlement
  return { ...settlement, result: sendable(settlement.result) }
}

function plainRenewal([leases, leaseMs, progress = []]: Parameters<Backend['renew']>): readonly unknown[] {
  return [leases, leaseMs, progress.map(({ taskId, value }) => ({ taskId, value: sendable(value) }))]
}

/** What is not JSON is sent on as something else that is not, so that the store deals with it, and with no other. */
function sendable(value: unknown): unknown {
  try {
    return plain(value)
  } catch {
    try {
      return structuredClone(value)
    } catch {
      return 0n
    }
  }
}

function plain(value: unknown): unknown {
  return isPlain(value) ? value : (JSON.parse(JSON.stringify(value) ?? 'null') as unknown)
}

/** Whether a copy for a thread and JSON agree on the value. */
function isPlain(value: unknown, depth: number = 0): boolean {
  if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol'
  if (value === null) return true
  if (depth >= MAX_DEPTH) return false
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.values(value).every((item) => isPlain(item, depth + 1))
}
