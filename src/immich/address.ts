/**
 * The address of a server, as people copy it: from the browser, from a guide, with or without `/api` at its end.
 *
 * @module
 */

import { BadAddressError } from './immich-errors.ts'

export interface ServerAddress {
  /** Without a slash at the end and without `/api`: `https://host:2283/base`. */
  readonly base: string
  /** The address of a route such as `/server/ping`. */
  readonly urlOf: (route: string) => string
}

/** Refuses what is not http(s), and what would put a secret into every message. */
export function parseAddress(text: string): ServerAddress {
  const url = URL.parse(text.trim())
  if (url === null || !/^https?:$/u.test(url.protocol) || url.hostname === '') {
    throw new BadAddressError(`${shown(text)} is not one that begins with http:// or https://`)
  }
  if (url.username !== '' || url.password !== '')
    throw new BadAddressError('must not hold a user name or password')
  if (url.search !== '' || url.hash !== '') throw new BadAddressError('must end before any ? or #')
  const base = url.origin + url.pathname.replace(/\/+$/u, '').replace(/(?:^|\/)api$/u, '')
  const path = base.replace(/\/+$/u, '')
  return { base: path, urlOf: (route) => `${path}/api${route}` }
}

/** The address to use instead, when `target` ends in the same route; undefined when it leads to something else. */
export function addressOfRedirect(target: string, route: string): string | undefined {
  const url = URL.parse(target)
  if (url === null || !url.pathname.endsWith(`/api${route}`)) return undefined
  return url.origin + url.pathname.slice(0, -`/api${route}`.length)
}

/** An address may hold a password before the @ even when it cannot be parsed. */
function shown(text: string): string {
  return JSON.stringify(
    text
      .replace(/^[^/@]*\/*[^/@]*@/u, '')
      .replace(/[?#].*$/su, '')
      .slice(0, 200),
  )
}
