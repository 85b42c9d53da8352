/**
 * Whose key it is, and what it may do.
 *
 * @module
 */

import { type ClientContext, get, type Methods, unlessRefused } from './client-context.ts'

export function accountMethods({ calls, isSession }: ClientContext): Methods<'me' | 'permissions'> {
  return {
    me: async (signal) => {
      const call = get('asking for the user', '/users/me', (answers) => answers.userAnswer, signal)
      const user = await unlessRefused(calls.call(call))
      return user === undefined ? undefined : { id: user.id, name: user.name }
    },
    permissions: async (signal) => {
      if (isSession) return ['all']
      const call = get(
        'asking for the permissions of the key',
        '/api-keys/me',
        (answers) => answers.keyAnswer,
        signal,
      )
      return (await unlessRefused(calls.call(call)))?.permissions
    },
  }
}
