/**
 * Who may talk to the server: decided from the headers of a request, before anything of it is read.
 *
 * Without a token the server trusts whoever can reach 127.0.0.1, which includes every page that is open in a browser
 * here. Two things tell those apart: a page on another host that was rebound to 127.0.0.1 still sends its own name as
 * `Host`, and a page that posts to us sends its own `Origin` (or at least `Sec-Fetch-Site`). Pure functions.
 *
 * @module
 */

export interface RequestFacts {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  /** Of the socket; undefined when there is none. */
  readonly localPort: number | undefined
}

/** Why a request is refused. */
export type Refusal = 'host' | 'origin' | 'cross-site'

/** All of 127.0.0.0/8 is this machine, and may be listened on. No name can be rebound to an address in digits. */
const LOCAL_NAME = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/u

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * @param options.anyHost - True where a token is asked for anyway: then the server cannot know all of its names, and
 *   another site that is rebound to it has no token and no cookie.
 */
export function refusalOf(facts: RequestFacts, options: { readonly anyHost: boolean }): Refusal | undefined {
  const { method, host, origin, secFetchSite, localPort } = facts
  if (host === undefined || !isHost(host)) return 'host'
  if (!options.anyHost && !isLocalHost(host, localPort)) return 'host'
  if (origin !== undefined && !isOwnOrigin(origin, host)) return 'origin'
  const changes = !SAFE_METHODS.has(method)
  if (changes && (secFetchSite === 'cross-site' || secFetchSite === 'same-site')) return 'cross-site'
  return undefined
}

/** A name or address with or without a port: nothing that a parser could read in two ways. */
function isHost(host: string): boolean {
  return /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/iu.test(host)
}

function isLocalHost(host: string, localPort: number | undefined): boolean {
  const { name = '', port } = /^(?<name>.*?)(?::(?<port>\d+))?$/u.exec(host.toLowerCase())?.groups ?? {}
  if (!LOCAL_NAME.test(name)) return false
  return localPort === undefined || Number(port ?? 80) === localPort
}

/** Behind a proxy that speaks TLS the scheme is another one; the host is what it is about. */
function isOwnOrigin(origin: string, host: string): boolean {
  const own = host.toLowerCase()
  const given = origin.toLowerCase()
  return given === `http://${own}` || given === `https://${own}`
}
