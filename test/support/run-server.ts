/**
 * `heirloom serve` as its users start it: a process of its own, spoken to over HTTP.
 *
 * @module
 */

import { type RunningHeirloom, startHeirloom, until } from './run-heirloom.ts'

export interface ServedLibrary {
  readonly running: RunningHeirloom
  readonly address: string
  readonly role: string
  readonly token?: string
  fetch(path: string, init?: RequestInit): Promise<Response>
  json<Value>(path: string): Promise<Value>
}

/** Resolves when it listens. The caller ends it. */
export async function serveLibrary(
  library: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ServedLibrary> {
  const running = startHeirloom(['serve', '--library', library, '--port', '0', '--json', ...args], { env })
  let stdout = ''
  running.child.stdout?.on('data', (text: string) => {
    stdout += text
  })
  const line = await until('the server listens', () => {
    if (running.child.exitCode !== null) throw new Error(`serve ended: ${running.stderr()}`)
    return stdout.includes('\n') ? stdout : undefined
  })
  const { address, role, token } = JSON.parse(line) as { address: string; role: string; token?: string }
  const fetchOf = (path: string, init?: RequestInit): Promise<Response> => fetch(`${address}${path}`, init)
  return {
    running,
    address,
    role,
    fetch: fetchOf,
    json: async <Value>(path: string) => (await (await fetchOf(path)).json()) as Value,
    ...(token === undefined ? {} : { token }),
  }
}

/** Uploads one file; answers the photo's id. */
export async function uploadTo(
  { fetch: send }: Pick<ServedLibrary, 'fetch'>,
  bytes: Uint8Array,
  name: string,
): Promise<{ readonly status: number; readonly id: string }> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(bytes)]), name)
  const response = await send('/api/uploads/direct', { method: 'POST', body: form })
  return { status: response.status, id: ((await response.json()) as { id: string }).id }
}
