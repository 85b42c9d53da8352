/**
 * Applies `request-guard.ts` and the token to every request, before its body is looked at.
 *
 * @module
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AccessGate } from './access-token.ts'
import { FailureLimit } from './failure-limit.ts'
import { RequestError } from './http-errors.ts'
import { type Refusal, refusalOf } from './request-guard.ts'
import { setSecurityHeaders } from './security-headers.ts'
import type { ServerContext } from './server-context.ts'

/** Answered to anybody: whether the server lives, and the page that asks for the token. */
const OPEN_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/login', '/login.css'])

const REFUSALS: Readonly<
  Record<Refusal, readonly [code: `${string}/${string}`, message: string, hint: string]>
> = {
  host: [
    'request/unknown-host',
    'this server is not called so',
    'Use the address that the server printed: http://127.0.0.1 or http://localhost with its port.',
  ],
  origin: [
    'request/other-origin',
    'the request comes from a page of another site',
    'Use the page of this server.',
  ],
  'cross-site': [
    'request/cross-site',
    'the request comes from a page of another site',
    'Use the page of this server.',
  ],
}

export function guard(app: FastifyInstance, context: ServerContext, gate: AccessGate | undefined): void {
  const limit = new FailureLimit(context.clock)
  app.decorate('failureLimit', limit)
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply.raw)
    const refusal = refusalOf(factsOf(request), { anyHost: gate !== undefined })
    if (refusal !== undefined) {
      const [code, message, hint] = REFUSALS[refusal]
      throw new RequestError(403, code, message, { hint })
    }
    if (gate !== undefined) return letIn(request, reply, { gate, limit })
  })
}

function factsOf({ raw, method }: FastifyRequest): Parameters<typeof refusalOf>[0] {
  const { headers, socket } = raw
  const site = headers['sec-fetch-site']
  return {
    method,
    host: hasOneHost(raw) && raw.url?.startsWith('/') ? headers.host : undefined,
    origin: headers.origin,
    secFetchSite: Array.isArray(site) ? site[0] : site,
    localPort: socket.localPort,
  }
}

/**
 * Node takes the first of several; a proxy before us may have judged by another. A target such as `http://name/path`
 * names one more, which would overrule it (RFC 9112, 3.2.2): only proxies are sent such.
 */
function hasOneHost({ rawHeaders }: FastifyRequest['raw']): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length === 1
}

/** Answers by itself only where a browser is to be shown the login page. */
async function letIn(
  request: FastifyRequest,
  reply: FastifyReply,
  { gate, limit }: { readonly gate: AccessGate; readonly limit: FailureLimit },
): Promise<FastifyReply | undefined> {
  const isOpen = OPEN_ROUTES.has(request.routeOptions.url ?? '')
  if (isOpen) return undefined
  const { authorization, cookie } = request.headers
  const verdict = gate.judge({
    ...(authorization === undefined ? {} : { authorization }),
    ...(cookie === undefined ? {} : { cookie }),
  })
  // Who is logged in does not wait for somebody else behind the same address.
  if (verdict === 'in' && authorization === undefined) return undefined
  requirePatience(limit, request.ip)
  if (verdict === 'in') return undefined
  if (verdict === 'wrong') limit.note(request.ip)
  if (verdict === 'none' && wantsPage(request)) return reply.redirect('/login', 303)
  reply.header('www-authenticate', 'Bearer realm="heirloom"')
  throw new RequestError(
    401,
    'access/no-token',
    verdict === 'wrong' ? 'the token is not right' : 'a token is needed',
    {
      hint: 'Send it as `Authorization: Bearer TOKEN`. It was shown when the server was first started; a new one: --new-token.',
    },
  )
}

/** @throws RequestError 429 while this address has to wait after too many failures */
export function requirePatience(limit: FailureLimit, address: string): void {
  const retryAfter = limit.waitOf(address)
  if (retryAfter === undefined) return
  throw new RequestError(429, 'access/too-many-failures', 'too many wrong tokens', {
    hint: `Try again in ${retryAfter} seconds.`,
    retryAfter,
  })
}

function wantsPage({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html')
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Of all ways to prove who one is: they share it. */
    readonly failureLimit: FailureLimit
  }
}
