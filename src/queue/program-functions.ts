/**
 * The functions of a store's program, found by name and held to what a transaction can bear.
 *
 * @module
 */

/** A function that the program itself has, not one that its prototype lends it. */
export function own<Value>(
  functions: Readonly<Record<string, Value>> | undefined,
  name: string,
): Value | undefined {
  return functions && Object.hasOwn(functions, name) ? functions[name] : undefined
}

/**
 * What a function of the program returned.
 *
 * @throws TypeError for a promise: what an async function does after its first `await` is in no transaction, or in
 *   somebody else's.
 */
export function synchronous<Value>(returned: Value): Value {
  if (!(returned instanceof Promise)) return returned
  returned.catch(() => undefined)
  throw new TypeError('function of the program is async: its transaction ends when it returns')
}
