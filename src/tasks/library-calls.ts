/**
 * How the library's database is asked for a named transaction, without what is done there: that is loaded by the
 * database's thread alone, and is as much as all the rest of an upload that finds nothing to send.
 *
 * @module
 */

import type { Backend } from '../queue/backend.ts'
import type { StoreCalls } from './store-calls.ts'

/** Asks the store for a named transaction. */
export async function callLibrary<Name extends keyof StoreCalls>(
  backend: Pick<Backend, 'call'>,
  name: Name,
  request: StoreCalls[Name]['request'],
): Promise<StoreCalls[Name]['response']> {
  return (await backend.call(name, request)) as StoreCalls[Name]['response']
}
