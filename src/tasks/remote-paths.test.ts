import assert from 'node:assert/strict'
import { resolve } from 'node:path/posix'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { PathMap } from './remote-api.ts'
import { InvalidMapError, isInside, mappedPaths, PathNotMappedError, verifyMaps } from './remote-paths.ts'

const MAPS: readonly PathMap[] = [
  { there: '/data', here: '/mnt/a' },
  { there: '/data/library', here: '/srv/library' },
  { there: '/photos', here: '/photos' },
]

describe('mappedPaths', () => {
  const { toHere, toThere, tell, rootOf } = mappedPaths(verifyMaps(MAPS))

  const pairs: { rule: string; there: string; here: string }[] = [
    { rule: 'a file', there: '/data/x/y.jpg', here: '/mnt/a/x/y.jpg' },
    { rule: 'the longest folder wins', there: '/data/library/y.jpg', here: '/srv/library/y.jpg' },
    { rule: 'a longer name is another folder', there: '/data/library2/y.jpg', here: '/mnt/a/library2/y.jpg' },
    { rule: 'the folder itself', there: '/data', here: '/mnt/a' },
    { rule: 'the same name on both', there: '/photos/ä b/c', here: '/photos/ä b/c' },
    { rule: 'dots that are names', there: '/data/..x/...', here: '/mnt/a/..x/...' },
  ]
  for (const { rule, there, here } of pairs) {
    test(`${rule}, both ways`, () => {
      assert.equal(toHere(there), here)
      assert.equal(toThere(here), there)
    })
  }

  test('a path outside is another host’s business, and the error says how to make it this one’s', () => {
    assert.throws(
      () => toHere('/secret/passwd'),
      (error) =>
        error instanceof PathNotMappedError &&
        error.recovery === 'retry' &&
        error.message.includes('"/secret/passwd"') &&
        error.hint?.includes('--map /secret=HERE') === true,
    )
  })

  const hostile = [
    '',
    '/',
    'data/x',
    '/data/../etc/passwd',
    '/data/..',
    '/data/./x',
    '/data//x',
    '/data/',
    '//data/x',
    '/data/x\0.jpg',
    '/data/library/../../../etc',
    `/data/${'x'.repeat(5_000)}`,
  ]
  for (const path of hostile) {
    test(`refuses ${JSON.stringify(path.slice(0, 40))} for ever`, () => {
      assert.throws(() => toHere(path), { code: 'remote/path-not-mapped', recovery: 'discard' })
    })
  }

  test('a neighbour whose name begins alike is outside', () => {
    assert.throws(() => toHere('/database/x'), { code: 'remote/path-not-mapped', recovery: 'retry' })
  })

  const told: { rule: string; here: string; there: string }[] = [
    {
      rule: 'a path at the beginning',
      here: '/mnt/a/x.jpg: 5 bytes were listed',
      there: '/data/x.jpg: 5 bytes were listed',
    },
    { rule: 'a quoted path', here: "ENOENT: open '/mnt/a/x'", there: "ENOENT: open '/data/x'" },
    { rule: 'the longest folder', here: 'see /srv/library, /mnt/a.', there: 'see /data/library, /data.' },
    {
      rule: 'a longer name is left',
      here: '/mnt/ab/x /mnt/a-b /mnt/a.b',
      there: '/mnt/ab/x /mnt/a-b /mnt/a.b',
    },
    { rule: 'the inside of a longer path is left', here: 'x/mnt/a/y /y/mnt/a', there: 'x/mnt/a/y /y/mnt/a' },
  ]
  for (const { rule, here, there } of told)
    test(`in messages, ${rule}`, () => assert.equal(tell(here), there))

  test('knows which folder a path is in', () => {
    assert.equal(rootOf('/srv/library/x'), '/srv/library')
    assert.equal(rootOf('/srv/x'), undefined)
  })
})

describe('verifyMaps', () => {
  test('a slash at the end does not matter', () => {
    assert.deepEqual(verifyMaps([{ there: '/data/', here: '/mnt/a//' }]), [
      { there: '/data', here: '/mnt/a' },
    ])
  })

  test('an inner folder that is the same place under both names is no contradiction', () => {
    const maps = [
      { there: '/data', here: '/mnt/a' },
      { there: '/data/b', here: '/mnt/a/b' },
    ]
    assert.deepEqual(verifyMaps(maps), maps)
  })

  const refused: { rule: string; maps: readonly PathMap[]; message: RegExp }[] = [
    { rule: 'the whole filesystem', maps: [{ there: '/', here: '/' }], message: /root of a filesystem/u },
    {
      rule: 'a relative folder',
      maps: [{ there: 'data', here: '/mnt' }],
      message: /"data" is not the absolute/u,
    },
    { rule: 'a way up', maps: [{ there: '/data', here: '/mnt/../etc' }], message: /"\/mnt\/\.\.\/etc"/u },
    {
      rule: 'a folder that lies at two places',
      maps: [
        { there: '/data', here: '/a' },
        { there: '/data', here: '/b' },
      ],
      message: /^\/data is mapped twice$/u,
    },
    {
      rule: 'a place that has two names',
      maps: [
        { there: '/data', here: '/a' },
        { there: '/more', here: '/a/' },
      ],
      message: /both mapped to \/a$/u,
    },
    {
      rule: 'a place inside of another that has two names',
      maps: [
        { there: '/more', here: '/a/x' },
        { there: '/data', here: '/a' },
      ],
      message: /\/a\/x is inside of \/a, but \/more is not at that place in \/data/u,
    },
  ]
  for (const { rule, maps, message } of refused) {
    test(`refuses ${rule}`, () => {
      assert.throws(
        () => verifyMaps(maps),
        (error) => error instanceof InvalidMapError && message.test(error.message),
      )
    })
  }
})

// # Properties

const segment = fc.constantFrom('a', 'b', 'data', '..a', 'ä ö', 'x.jpg', 'library')
const folder = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`)
const anyMaps = fc.array(fc.record({ there: folder, here: folder }), { minLength: 1, maxLength: 4 })

/** Undefined for maps that are refused. */
function valid(maps: readonly PathMap[]): readonly PathMap[] | undefined {
  try {
    return verifyMaps(maps)
  } catch (error) {
    assert.ok(error instanceof InvalidMapError)
    return undefined
  }
}

/** Anything a hostile queue could write, much of it nearly right. */
const hostilePath = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(segment, fc.constantFrom('', '.', '..', '\0', '\\..', '%2e%2e', 'a\nb')), {
      maxLength: 8,
    })
    .map((segments) => `/${segments.join('/')}`),
)

describe('for all maps', () => {
  test('a path there and back is the same path', () => {
    fc.assert(
      fc.property(anyMaps, fc.array(segment, { maxLength: 4 }), fc.nat(), (maps, rest, pick) => {
        const verified = valid(maps)
        fc.pre(verified !== undefined)
        const base = verified[pick % verified.length]?.there ?? ''
        const path = [base, ...rest].join('/')
        const { toHere, toThere } = mappedPaths(verified)
        assert.equal(toThere(toHere(path)), path)
      }),
      { numRuns: 300 },
    )
  })

  test('what comes out is in a mapped folder and has nothing left to resolve, or nothing comes out', () => {
    fc.assert(
      fc.property(anyMaps, hostilePath, (maps, path) => {
        const verified = valid(maps)
        fc.pre(verified !== undefined)
        let here: string
        try {
          here = mappedPaths(verified).toHere(path)
        } catch (error) {
          assert.ok(error instanceof PathNotMappedError)
          return
        }
        assert.equal(resolve(here), here)
        assert.ok(!here.includes('\0'))
        assert.ok(verified.some((map) => isInside(here, map.here)))
      }),
      { numRuns: 300 },
    )
  })

  test('the message about a path tells the path that the coordinator knows', () => {
    fc.assert(
      fc.property(anyMaps, fc.constantFrom('a', 'b', 'x.jpg'), fc.nat(), (maps, name, pick) => {
        const verified = valid(maps)
        fc.pre(verified !== undefined)
        const path = `${verified[pick % verified.length]?.there}/${name}`
        const { toHere, tell } = mappedPaths(verified)
        assert.equal(
          tell(`ENOENT: no such file, open '${toHere(path)}'`),
          `ENOENT: no such file, open '${path}'`,
        )
      }),
      { numRuns: 200 },
    )
  })
})
