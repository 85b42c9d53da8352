/**
 * `/login`: a browser trades the token for a cookie that scripts cannot read and other sites cannot make it send.
 *
 * @module
 */

import type { FastifyInstance, FastifyReply } from 'fastify'
import { type AccessGate, SESSION_COOKIE } from './access-token.ts'
import { requirePatience } from './guard.ts'
import { htmlPage, PAGE_STYLE } from './page.ts'
import type { ServerContext } from './server-context.ts'

/** A token and the name of its field. */
const MAX_FORM_BYTES = 1_024

const STYLE = `${PAGE_STYLE}
body { max-width: 26rem; padding-top: 12vh; }
label { display: block; font-weight: 600; margin-bottom: .35rem; }
input { width: 100%; padding: .6rem .7rem; font: inherit; font-family: ui-monospace, monospace; color: inherit;
  background: var(--soft); border: 1px solid var(--quiet); border-radius: .4rem; }
button { margin-top: 1rem; padding: .6rem 1.4rem; font: inherit; font-weight: 600; border: 0; border-radius: .4rem;
  color: light-dark(#ffffff, #10131a); background: var(--accent); cursor: pointer; }
.wrong { border-left: 4px solid light-dark(#b3261e, #ff9b93); padding: .3rem .8rem; background: var(--soft); }
.hint { color: var(--quiet); }
`

export async function loginRoutes(
  app: FastifyInstance,
  { logger }: ServerContext,
  gate: AccessGate,
): Promise<void> {
  // Only here: elsewhere a form of another site could say something.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  )
  app.get('/login.css', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'public, max-age=3600').send(STYLE),
  )
  app.get('/login', { schema: { hide: true } }, async (_request, reply) => sendForm(reply, undefined))
  app.post('/login', { schema: { hide: true } }, async (request, reply) => {
    requirePatience(app.failureLimit, request.ip)
    const token = request.body instanceof URLSearchParams ? (request.body.get('token') ?? '') : ''
    if (!gate.isToken(token.trim())) {
      app.failureLimit.note(request.ip)
      logger.warn('wrong token', { address: request.ip })
      return sendForm(reply.code(401), 'That is not the token of this server.')
    }
    const { value, maxAgeS } = gate.newSession()
    return reply
      .header('set-cookie', cookie(value, maxAgeS))
      .header('cache-control', 'no-store')
      .redirect('/', 303)
  })
  app.post('/logout', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('set-cookie', cookie('', 0)).header('cache-control', 'no-store').redirect('/login', 303),
  )
}

/** Without `Secure`: at home the server speaks HTTP. A proxy that speaks TLS can add it. */
function cookie(value: string, maxAgeS: number): string {
  return `${SESSION_COOKIE}=${value}; Max-Age=${maxAgeS}; Path=/; HttpOnly; SameSite=Strict`
}

function sendForm(reply: FastifyReply, problem: string | undefined): FastifyReply {
  const wrong = problem === undefined ? '' : `<p class="wrong" role="alert">${problem}</p>\n`
  const body = `<main>
<h1>Heirloom</h1>
${wrong}<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
</form>
<p class="hint">It was shown in the terminal when the server was first started. Start the server with
<code>--new-token</code> to get another one.</p>
</main>`
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(htmlPage({ title: 'Heirloom: log in', style: '/login.css', body }))
}
