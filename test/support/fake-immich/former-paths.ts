/**
 * The paths that Immich had until the spring of 2024, for clients of that time: `@immich/cli` 2.1.0 among them.
 *
 * No server of today takes them; they are off unless asked for.
 *
 * @module
 */

const EXACT: ReadonlyMap<string, string> = new Map([
  ['/asset/upload', '/assets'],
  ['/user/me', '/users/me'],
])

const PREFIXES: readonly (readonly [string, string])[] = [
  ['/server-info/', '/server/'],
  ['/asset/', '/assets/'],
  ['/album/', '/albums/'],
]

export function currentPath(path: string): string {
  const exact = EXACT.get(path)
  if (exact !== undefined) return exact
  if (path === '/album') return '/albums'
  for (const [former, current] of PREFIXES) {
    if (path.startsWith(former)) return `${current}${path.slice(former.length)}`
  }
  return path
}
