/**
 * `/api/docs`: the OpenAPI description of every route, as JSON for programs and as a page for people.
 *
 * @module
 */

import type { FastifyInstance } from 'fastify'
import { apiPage, type OpenApiDocument } from './api-page.ts'
import { htmlPage, PAGE_STYLE } from './page.ts'

const STYLE = `${PAGE_STYLE}
.route { border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; }
.route > summary { padding: .55rem .8rem; cursor: pointer; }
.route > div { padding: 0 .8rem .8rem; border-top: 1px solid var(--line); }
.method { font-weight: 700; display: inline-block; min-width: 4.2em; color: var(--accent); }
.about { color: var(--quiet); }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
`

export async function docsRoutes(app: FastifyInstance): Promise<void> {
  app.get('/api/docs/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', 'no-cache').send(app.swagger()),
  )
  app.get('/api/docs/style.css', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'public, max-age=3600').send(STYLE),
  )
  app.get('/api/docs', { schema: { hide: true } }, async (_request, reply) => {
    const body = apiPage(app.swagger() as unknown as OpenApiDocument)
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(htmlPage({ title: 'Heirloom API', style: '/api/docs/style.css', body }))
  })
}
