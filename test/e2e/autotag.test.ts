/**
 * Autotag as its users run it: the command line as a process, against a server over real HTTP.
 *
 * What each rule decides and each call does is tested beside their code; here is what only the whole can show: a plan that
 * is saved, applied, empty afterwards, explained, taken back, broken off and finished.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import type { ApplySummary, AutotagReport, PlanResult } from '../../src/immich/autotag/autotag-jobs.ts'
import type { AssetParts } from '../support/fake-immich/fake-asset.ts'
import { type FakeImmich, startFakeImmich } from '../support/fake-immich/fake-immich.ts'
import type { FakeAsset } from '../support/fake-immich/fake-state.ts'
import { runHeirloom, startHeirloom } from '../support/run-heirloom.ts'
import { type RunHere, runHere } from '../support/run-here.ts'

const PERMISSIONS = [
  'asset.read',
  'asset.update',
  'album.read',
  'album.create',
  'album.delete',
  'albumAsset.create',
  'albumAsset.delete',
  'albumUser.create',
  'albumUser.update',
  'albumUser.delete',
  'tag.read',
  'tag.create',
  'tag.asset',
  'duplicate.read',
  'user.read',
]

const RULES = `
version: 1
server: { url: "\${SERVER}", key: "\${KEY}" }
time: { zone: Europe/Oslo }
patterns:
  whatsapp: { file: '/IMG-(?<d>\\d{8})-WA\\d+/', precision: day }
categories:
  exactly: one
  unsorted: { ensure: { tag: auto/unsorted } }
  clash: { ensure: { tag: auto/clash } }
  list:
    - { id: trips, is: { album: '/^\\d{4}-\\d\\d-\\d\\d /' } }
    - { id: scans, is: { tag: kind/scan } }
dates:
  where: { not: { camera: "*" } }
  sources: [exif, { patterns: [whatsapp] }]
  accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true }
  unsure: { ensure: { tag: auto/date-unsure } }
albums:
  - id: folders
    where: { category: none, path: '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d[^\\/]+)/' }
    into: "{match.name}"
    several: { ensure: { tag: auto/two-folders } }
sharing:
  groups: { cousins: [bo@example.com] }
  unresolved: stop
  merge: strongest
  list:
    - { id: reunions, albums: { word: reunion }, grant: { cousins: editor }, exact: false }
run: { max-changes: 100% }
`

let folder: string
let fake: FakeImmich
let env: Record<string, string>
let assets: Record<'scan' | 'lake' | 'message' | 'loose', FakeAsset>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-autotag-'))
  fake = await startFakeImmich()
  fake.state.addUser('bo')
  const { secret } = fake.addKey(PERMISSIONS)
  const taken = { dateTimeOriginal: '2024-05-17T10:00:00.000+00:00', timeZone: 'UTC+2' }
  const add = (fileName: string, parts: Partial<AssetParts> = {}): FakeAsset =>
    fake.state.addAsset({
      exif: { ...taken, make: 'Canon' },
      ...parts,
      fileName,
      ownerId: fake.user.id,
    })
  assets = {
    scan: add('scan-1.jpg'),
    lake: add('lake.jpg', { originalPath: '/mnt/photos/2024-05-17 reunion at the lake/lake.jpg' }),
    message: add('IMG-20210304-WA0007.jpg', { exif: taken }),
    loose: add('loose.jpg'),
  }
  env = { SERVER: fake.address, KEY: secret, XDG_STATE_HOME: join(folder, 'state') }
  await writeFile(join(folder, 'rules.yaml'), RULES)
})
after(async () => {
  await fake.close()
  await rm(folder, { recursive: true, force: true })
})

function lineOf(verb: string, ...args: string[]): string[] {
  return ['autotag', verb, ...args, '--rules', join(folder, 'rules.yaml')]
}

/** In this process: what it does with the server is the same, and starting one for each call took most of the time. */
async function autotag(verb: string, ...args: string[]): Promise<RunHere> {
  return await runHere(lineOf(verb, ...args), { env, clock: systemClock })
}

async function resultOf<T>(verb: string, ...args: string[]): Promise<T> {
  const run = await autotag(verb, ...args, '--json')
  assert.equal(run.exitCode, 0, run.stderr)
  return JSON.parse(run.stdout) as T
}

function tagsOf({ id }: FakeAsset): string[] {
  const { tags, assets: all } = fake.state
  return [...(all.get(id)?.tagIds ?? [])].map((tag) => tags.get(tag)?.value ?? '').toSorted()
}

/** All that rules can change, without ids and times. */
function picture(): unknown {
  const named = (ids: Iterable<string>): string[] =>
    [...ids].map((id) => fake.state.assets.get(id)?.fileName ?? '').toSorted()
  return {
    tags: Object.values(assets).map((asset) => [asset.fileName, tagsOf(asset)]),
    dates: Object.values(assets).map(({ id }) =>
      new Date(fake.state.assets.get(id)?.exif.dateTimeOriginal ?? '').toISOString(),
    ),
    albums: [...fake.state.albums.values()]
      .map(({ name, assetIds, sharedWith }) => [name, named(assetIds), sharedWith.size])
      .toSorted(),
  }
}

describe('rules are applied', () => {
  let untouched: unknown
  let planned: PlanResult
  let applied: ApplySummary

  before(async () => {
    untouched = picture()
    const saved = join(folder, 'plan.json')
    // These two in processes of their own, as users run them.
    const plan = await runHeirloom(
      lineOf('plan', '-o', saved, '--html', join(folder, 'plan.html'), '--json'),
      { env },
    )
    assert.equal(plan.exitCode, 0, plan.stderr)
    planned = JSON.parse(plan.stdout)
    assert.deepEqual(picture(), untouched)
    const apply = await runHeirloom(lineOf('apply', saved, '--json'), { env })
    assert.equal(apply.exitCode, 0, apply.stderr)
    applied = JSON.parse(apply.stdout)
    fake.state.runMetadataJobs()
  })

  test('the plan names what it would change, by which rule', () => {
    const words = planned.plan.steps.map(({ op, rule }) => `${op} ${rule}`).toSorted()
    assert.deepEqual(words, [
      'album.create albums/folders',
      'date.set dates/whatsapp',
      'share.add sharing/reunions',
      'tag.add categories.unsorted',
    ])
  })

  test('the page of the plan is there', async () => {
    assert.match(await readFile(join(folder, 'plan.html'), 'utf8'), /2024-05-17 reunion at the lake/u)
  })

  test('the server is as planned', () => {
    assert.deepEqual(applied.undone, [])
    assert.deepEqual(applied.differences, [])
    assert.deepEqual(picture(), {
      tags: [
        ['scan-1.jpg', ['auto/unsorted']],
        ['lake.jpg', []],
        ['IMG-20210304-WA0007.jpg', ['auto/unsorted']],
        ['loose.jpg', ['auto/unsorted']],
      ],
      dates: [
        '2024-05-17T10:00:00.000Z',
        '2024-05-17T10:00:00.000Z',
        '2021-03-03T23:00:00.000Z',
        '2024-05-17T10:00:00.000Z',
      ],
      albums: [['2024-05-17 reunion at the lake', ['lake.jpg'], 1]],
    })
  })

  test('a second plan is empty', async () => {
    const { plan } = await resultOf<PlanResult>('plan')
    assert.deepEqual([plan.steps, plan.overrides], [[], []])
  })

  test('explain tells why a picture is unsorted', async () => {
    const { stdout, exitCode } = await autotag('explain', `${fake.address}/photos/${assets.loose.id}`)
    assert.equal(exitCode, 0)
    assert.match(stdout, /loose\.jpg/u)
    assert.match(stdout, /trips/u)
    assert.match(stdout, /auto\/unsorted/u)
  })

  test('what somebody takes back is respected', async () => {
    fake.state.assets.get(assets.loose.id)?.tagIds.clear()
    const { plan } = await resultOf<PlanResult>('plan')
    assert.deepEqual(plan.steps, [])
    assert.deepEqual(
      plan.overrides.map(({ subjectId }) => subjectId),
      [assets.loose.id],
    )
  })

  test('undo makes it as it was, but for what somebody has changed since', async () => {
    const summary = await resultOf<ApplySummary>('undo', '--yes')
    assert.deepEqual(summary.undone, [])
    fake.state.runMetadataJobs()
    assert.deepEqual(picture(), untouched)
  })

  test('the report lists both runs', async () => {
    const { runs } = await resultOf<AutotagReport>('report')
    assert.deepEqual(
      runs.map(({ kind, status }) => [kind, status]),
      [
        ['undo', 'completed'],
        ['apply', 'completed'],
      ],
    )
  })

  test('no call asked for what it may not, and none was malformed', () => {
    assert.deepEqual(fake.state.violations, [])
  })
})

describe('a run that is broken off', () => {
  test('is finished by the next apply, with nothing made twice', async () => {
    await autotag('plan', '--forget-overrides')
    fake.faults.add({ kind: 'stall', when: 'answer', route: 'PUT /assets' })
    const run = startHeirloom(lineOf('apply', '--auto'), { env })
    await fake.untilEnded('POST /albums', fake.callsOf('POST /albums') + 1)
    run.child.kill('SIGKILL')
    await run.ended
    fake.faults.clear()
    const { exitCode, stderr } = await autotag('apply', '--auto')
    assert.equal(exitCode, 0, stderr)
    assert.match(stderr, /was broken off: finishing it first/u)
    const albums = [...fake.state.albums.values()].map(({ name }) => name)
    assert.deepEqual(albums, ['2024-05-17 reunion at the lake'])
    const { plan } = await resultOf<PlanResult>('plan')
    assert.deepEqual(plan.steps, [])
  })
})

describe('an undo that is broken off', () => {
  test('is finished by the next undo, which takes back no run before it', async () => {
    fake.faults.add({ kind: 'stall', when: 'answer', route: 'DELETE /albums/*' })
    const run = startHeirloom(lineOf('undo', '--yes'), { env })
    await fake.untilEnded('DELETE /tags/*', fake.callsOf('DELETE /tags/*') + 1)
    run.child.kill('SIGKILL')
    await run.ended
    fake.faults.clear()
    const undone = (await resultOf<AutotagReport>('report')).runs.at(0)?.undoes
    const { run: finished, differences } = await resultOf<ApplySummary>('undo', '--yes')
    assert.deepEqual([finished.kind, finished.status, finished.undoes], ['undo', 'completed', undone])
    assert.deepEqual(differences, [])
    const { runs } = await resultOf<AutotagReport>('report')
    assert.deepEqual(
      runs.map(({ kind, status }) => [kind, status]),
      [
        ['undo', 'completed'],
        ['apply', 'completed'],
        ['undo', 'completed'],
        ['apply', 'completed'],
      ],
    )
    assert.deepEqual([...fake.state.albums.values()], [])
  })
})

describe('a key that may not do enough', () => {
  test('is told what it lacks, before anything is read', async () => {
    const { secret } = fake.addKey(PERMISSIONS.filter((name) => !name.startsWith('tag.')))
    const run = await runHere(lineOf('plan'), { env: { ...env, KEY: secret }, clock: systemClock })
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /tag\.asset, tag\.create, tag\.read/u)
    assert.doesNotMatch(run.stderr, new RegExp(secret, 'u'))
  })
})
