/**
 * The files of undici that `undici-parts.ts` is made of, which it does not promise: this module may fail to load.
 *
 * @module
 */

import api from 'undici/lib/api/api-request.js'
import core from 'undici/lib/core/errors.js'
import agent from 'undici/lib/dispatcher/agent.js'

export { agent, api, core }
