/**
 * The OpenAPI description as a page: each route with what it takes and answers, folded up, without any script.
 *
 * @module
 */

import { escapeHtml } from './page.ts'

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly tags?: readonly { readonly name: string; readonly description?: string }[]
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content?: Contents }
  readonly responses?: Readonly<
    Record<string, { readonly description?: string; readonly content?: Contents }>
  >
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}

type Contents = Readonly<Record<string, { readonly schema?: Schema }>>

interface Schema {
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly default?: unknown
}

interface Route extends Operation {
  readonly method: string
  readonly path: string
}

/** HTML of the page's body. */
export function apiPage(document: OpenApiDocument): string {
  const routes = routesOf(document)
  const known = document.tags ?? []
  const sections = known.map(({ name, description }) =>
    section(
      name,
      description,
      routes.filter(({ tags }) => tags?.[0] === name),
    ),
  )
  const others = routes.filter(({ tags }) => !known.some(({ name }) => name === tags?.[0]))
  return `<main>
<h1>${escapeHtml(document.info.title)} <small>${escapeHtml(document.info.version)}</small></h1>
<p class="about">${escapeHtml(document.info.description ?? '')}
The same as <a href="/api/docs/openapi.json">openapi.json</a> for programs.</p>
${sections.join('')}${section('other', undefined, others)}</main>`
}

function routesOf({ paths = {} }: OpenApiDocument): Route[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  )
}

function section(name: string, description: string | undefined, routes: readonly Route[]): string {
  if (routes.length === 0) return ''
  const about = description === undefined ? '' : `<p class="about">${escapeHtml(description)}</p>\n`
  return `<section>\n<h2>${escapeHtml(name)}</h2>\n${about}${routes.map(routeHtml).join('')}</section>\n`
}

function routeHtml(route: Route): string {
  const { method, path, summary = '', description, parameters = [], requestBody, responses = {} } = route
  const about = description === undefined ? '' : `<p>${escapeHtml(description)}</p>\n`
  const answers = Object.entries(responses).map(
    ([status, { description: text = '', content }]) =>
      [
        `<code>${escapeHtml(status)}</code>`,
        escapeHtml(text === 'Default Response' ? '' : text),
        shapes(content),
      ] as const,
  )
  return `<details class="route"><summary><span class="method">${escapeHtml(method)}</span>
<code>${escapeHtml(path)}</code> <span class="about">${escapeHtml(summary)}</span></summary><div>
${about}${table('Parameters', parameters.map(parameterRow))}${requestBody?.content === undefined ? '' : table('Body', bodyRows(requestBody.content))}${table('Answers', answers)}</div></details>\n`
}

function parameterRow({ name, in: place, required, description = '', schema }: Parameter): readonly string[] {
  return [
    `<code>${escapeHtml(name)}</code>`,
    escapeHtml(`${place}${required ? ', required' : ''}`),
    `${typeText(schema)} ${escapeHtml(description || (schema?.description ?? ''))}`,
  ]
}

function bodyRows(content: Contents): (readonly string[])[] {
  return Object.entries(content).flatMap(([type, { schema }]) => [
    [`<code>${escapeHtml(type)}</code>`, '', ''],
    ...propertyRows(schema),
  ])
}

function propertyRows(schema: Schema | undefined): (readonly string[])[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => [
    `<code>${escapeHtml(name)}</code>`,
    schema?.required?.includes(name) ? 'required' : '',
    `${typeText(property)} ${escapeHtml(property.description ?? '')}`,
  ])
}

/** `{id, status, photos: [{…}]}`: enough to know what to expect. */
function shapes(content: Contents | undefined): string {
  return Object.values(content ?? {})
    .map(({ schema }) => typeText(schema))
    .join(', ')
}

function typeText(schema: Schema | undefined): string {
  return schema === undefined ? '' : `<code>${escapeHtml(shapeOf(schema, 2))}</code>`
}

function shapeOf({ type = 'any', format, enum: values, properties, items }: Schema, depth: number): string {
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (items !== undefined) return `[${shapeOf(items, depth)}]`
  if (properties === undefined) return format === undefined ? type : `${type} (${format})`
  if (depth === 0) return '{…}'
  const inner = Object.entries(properties).map(([name, property]) =>
    property.properties === undefined && property.items === undefined
      ? name
      : `${name}: ${shapeOf(property, depth - 1)}`,
  )
  return `{${inner.join(', ')}}`
}

function table(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<h3>${title}</h3>\n<table><tbody>${lines.join('\n')}</tbody></table>\n`
}
