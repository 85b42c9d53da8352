/**
 * How long the seed program's calls take one after the other: a sample of its mix, extrapolated.
 *
 * The mix is of its profile: 43,892 calls, of which 107 lists, 35,402 reads of one asset, 3,377 of one album, 2,479 tags
 * given and 1,418 taken one by one; the other 1,109 were not told apart there, and are taken as albums and dates here.
 *
 * @module
 */

import type { AutotagServer } from './autotag-server-process.ts'

interface Kind {
  readonly name: string
  /** In a whole run of the seed. */
  readonly calls: number
  /** Share of the sample. */
  readonly sample: number
  readonly make: (at: number) => { method: string; path: string; body?: object }
}

export interface SequentialResult {
  readonly sampled: number
  readonly sampleMs: number
  readonly calls: number
  /** Of all calls, by the mean of each kind. */
  readonly extrapolatedMs: number
  readonly kinds: readonly { readonly name: string; readonly calls: number; readonly meanMs: number }[]
}

/**
 * @param share - Of about 240 calls.
 * @param scale - Of the seed's library: a tenth of it has a tenth of the calls.
 */
export async function sequentialSample(
  server: AutotagServer,
  { share, scale }: { readonly share: number; readonly scale: number },
): Promise<SequentialResult> {
  const { assetIds, albumIds, tagIds } = await server.contents()
  const at = <T>(list: readonly T[], index: number): T => {
    const item = list[(index * 37) % list.length]
    if (item === undefined) throw new Error('the server is empty')
    return item
  }
  const of = (count: number): number => Math.max(1, Math.round(count * share))
  const ids = (index: number): object => ({ ids: [at(assetIds, index)] })
  const kinds: readonly Kind[] = [
    {
      name: 'lists of 250 assets',
      calls: 107,
      sample: of(5),
      make: (page) => ({
        method: 'POST',
        path: '/search/metadata',
        body: { page: page + 1, size: 250, withExif: true },
      }),
    },
    {
      name: 'one asset',
      calls: 35_402,
      sample: of(150),
      make: (index) => ({ method: 'GET', path: `/assets/${at(assetIds, index)}` }),
    },
    {
      name: 'one album',
      calls: 3_377,
      sample: of(40),
      make: (index) => ({ method: 'GET', path: `/albums/${at(albumIds, index)}` }),
    },
    {
      name: 'one tag of one asset given',
      calls: 2_479,
      sample: of(20),
      make: (index) => ({ method: 'PUT', path: `/tags/${at(tagIds, index)}/assets`, body: ids(index) }),
    },
    {
      name: 'one tag of one asset taken',
      calls: 1_418,
      sample: of(14),
      make: (index) => ({ method: 'DELETE', path: `/tags/${at(tagIds, index)}/assets`, body: ids(index) }),
    },
    {
      name: 'one album or date changed',
      calls: 1_109,
      sample: of(11),
      make: (index) => ({ method: 'PUT', path: `/albums/${at(albumIds, index)}/assets`, body: ids(index) }),
    },
  ]
  const results: { name: string; calls: number; meanMs: number; sampled: number; ms: number }[] = []
  for (const kind of kinds) {
    const startedAt = performance.now()
    for (let index = 0; index < kind.sample; index += 1) await call(server, kind.make(index))
    const ms = performance.now() - startedAt
    const calls = Math.round(kind.calls * scale)
    results.push({ name: kind.name, calls, meanMs: ms / kind.sample, sampled: kind.sample, ms })
  }
  return {
    sampled: results.reduce((sum, { sampled }) => sum + sampled, 0),
    sampleMs: results.reduce((sum, { ms }) => sum + ms, 0),
    calls: results.reduce((sum, { calls }) => sum + calls, 0),
    extrapolatedMs: results.reduce((sum, { calls, meanMs }) => sum + calls * meanMs, 0),
    kinds: results.map(({ name, calls, meanMs }) => ({ name, calls, meanMs })),
  }
}

async function call(
  { address, key }: AutotagServer,
  { method, path, body }: { method: string; path: string; body?: object },
): Promise<void> {
  const answer = await fetch(`${address}/api${path}`, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  await answer.arrayBuffer()
  if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}`)
}
