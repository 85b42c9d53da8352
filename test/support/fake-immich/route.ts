/**
 * A route of the fake: its name, the permission it asks of a key, what it does; and how a path finds it.
 *
 * @module
 */

import { type ZodType, z } from 'zod'
import { type Answer, HttpError, noAccess } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAsset } from './fake-state.ts'

export interface Route {
  /** `PUT /albums/:id/assets`, as in the request log and in the patterns of faults. */
  readonly name: string
  /** As `x-immich-permission`; undefined: any key. */
  readonly permission: string | undefined
  /** Asks for no key. */
  readonly isOpen: boolean
  /** 403 for everybody else (`x-immich-admin-only`). */
  readonly isAdminOnly?: boolean
  readonly run: (call: Call) => Promise<Answer>
}

interface RouteRules {
  readonly permission?: string
  readonly isOpen?: boolean
  readonly isAdminOnly?: boolean
}

/** A route without a body. */
export function plainRoute(name: string, rules: RouteRules, handle: (call: Call) => Answer): Route {
  const run = async (call: Call): Promise<Answer> => {
    await call.beforeEffect()
    return handle(call)
  }
  return { name, ...guardOf(rules), run }
}

/** A route with a JSON body. */
export function jsonRoute<T>(
  name: string,
  rules: RouteRules & {
    readonly body: ZodType<T>
    /** What the call costs the server more than others, under load. */
    readonly workMs?: (call: Call, body: T) => number
  },
  handle: (call: Call, body: T) => Answer,
): Route {
  const run = async (call: Call): Promise<Answer> => {
    const body = await call.json(rules.body)
    await call.beforeEffect(rules.workMs?.(call, body))
    return handle(call, body)
  }
  return { name, ...guardOf(rules), run }
}

function guardOf({
  permission,
  isOpen = false,
  isAdminOnly = false,
}: RouteRules): Omit<Route, 'name' | 'run'> {
  return { permission, isOpen, isAdminOnly }
}

export const ID: z.ZodType<string> = z.uuid()
export const IDS: z.ZodType<{ ids: string[] }> = z.object({ ids: z.array(ID) })

export interface FoundRoute {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** Answers the finder for `GET /albums/6f…`; names without parameters win. */
export function routeFinder(
  routes: readonly Route[],
): (method: string, path: string) => FoundRoute | undefined {
  const exact = new Map(routes.map((route) => [route.name, route]))
  const patterns = routes
    .filter(({ name }) => name.includes(':'))
    .map((route) => ({
      route,
      pattern: new RegExp(`^${route.name.replaceAll(/:(\w+)/gu, '(?<$1>[^/]+)')}$`, 'u'),
    }))
  return (method, path) => {
    const name = `${method} ${path}`
    const route = exact.get(name)
    if (route !== undefined) return { route, params: {} }
    for (const { route: candidate, pattern } of patterns) {
      const match = pattern.exec(name)
      if (match !== null) return { route: candidate, params: { ...match.groups } }
    }
    return undefined
  }
}

/** All or nothing: one unknown or foreign id, and the whole call is refused. */
export function ownAssets(call: Call, ids: readonly string[], permission: string): FakeAsset[] {
  const assets: FakeAsset[] = []
  for (const id of ids) {
    const asset = call.state.assets.get(id)
    if (asset === undefined || asset.ownerId !== call.user.id) {
      call.violate('unknown-id', id)
      throw noAccess(permission)
    }
    assets.push(asset)
  }
  return assets
}

/** @throws {@link HttpError} 400 when a parameter of the path is no UUID. */
export function checkIds(call: Call, params: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(params)) {
    if (!z.uuid().safeParse(value).success) {
      call.violate('invalid-body', `${name} ${value} is no UUID`)
      throw call.version.major >= 3
        ? new HttpError(400, 'Validation failed', { errors: [{ path: [name], message: 'Invalid UUID' }] })
        : new HttpError(400, `${name} must be a UUID`, { message: [`${name} must be a UUID`] })
    }
  }
}
