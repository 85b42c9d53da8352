/**
 * Values that handlers hand over, as they come out on the other side.
 *
 * @module
 */

/**
 * What is left of a value after its way through JSON: what a worker's results go through anyway. For a value that was
 * made in this process, so that it can be stored and sent to the store's thread whatever it was.
 *
 * @throws TypeError for what JSON has no words for at all: a BigInt, a ring.
 */
export function plainValue(value: unknown): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function'))
    return plainPrimitive(value)
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

function plainPrimitive(value: unknown): unknown {
  if (typeof value === 'bigint') throw new TypeError('a BigInt cannot be written as JSON')
  if (typeof value === 'number' && !Number.isFinite(value)) return null
  return typeof value === 'symbol' ? undefined : value
}
