import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_ALBUM_NAMES } from './album-names.ts'
import type { UploadVerdict } from './api.ts'
import { toIgnoreMatcher } from './ignore-patterns.ts'
import type { AssetVerdict, UploadAsset, UploadRecord } from './upload-asset.ts'
import { checksOf, planUploads, type UploadPlan, type UploadPlanOptions, verdictsOf } from './upload-plan.ts'

const OPTIONS: UploadPlanOptions = {
  supported: new Set(['.jpg', '.heic', '.mov', '.mp4', '.dng', '.png']),
  albumNames: DEFAULT_ALBUM_NAMES,
  isIgnored: toIgnoreMatcher([]),
  includeTrashed: false,
  recheck: false,
}

function asset(id: number, changes: Partial<UploadAsset> = {}): UploadAsset {
  return {
    id,
    role: 'primary',
    path: `anna/photos/gphotos-anna-20210704T223005-00000${id}.jpg`,
    sourceSha1: `5${id}`.padEnd(40, '0'),
    writtenSha1: `7${id}`.padEnd(40, '0'),
    sizeBytes: 100 + id,
    format: 'jpeg',
    platform: 'Google Photos',
    exportName: 'google-anna-20240101',
    user: 'anna',
    keywords: [],
    people: [],
    favourite: false,
    archived: false,
    trashed: false,
    knowsMore: false,
    albums: [],
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...changes,
  }
}

function clip(id: number, changes: Partial<UploadAsset> = {}): UploadAsset {
  return asset(id, { role: 'live-video', format: 'mov', path: `anna/photos/clip-${id}.mov`, ...changes })
}

const uploaded: UploadRecord = {
  state: 'uploaded',
  remoteId: 'old',
  told: { favourite: false, archived: false },
}

function plan(
  assets: readonly UploadAsset[],
  verdicts: Readonly<Record<number, AssetVerdict>> = {},
  options: Partial<UploadPlanOptions> = {},
): UploadPlan {
  const known = new Map(Object.entries(verdicts).map(([id, verdict]) => [Number(id), verdict]))
  return planUploads([{ assets }], known, { ...OPTIONS, ...options })
}

/** Ids of the files to be sent, unit by unit. */
function sent({ units }: UploadPlan): number[][] {
  return units.map(({ files }) => files.map(({ assetId }) => assetId))
}

function present(id: number, remoteId = `remote-${id}`): AssetVerdict {
  return { kind: 'present', remoteId, sha1: `5${id}`.padEnd(40, '0') }
}

function trashed(id: number): AssetVerdict {
  return { kind: 'trashed', remoteId: `remote-${id}`, sha1: `5${id}`.padEnd(40, '0') }
}

describe('checksOf', () => {
  test('asks for both hashes, and for one when they are equal', () => {
    const same = asset(2, { writtenSha1: asset(2).sourceSha1 })
    const checks = checksOf([{ assets: [asset(1)] }, { assets: [same] }], OPTIONS)
    assert.deepEqual(
      checks.map(({ sha1 }) => sha1),
      [asset(1).writtenSha1, asset(1).sourceSha1, same.sourceSha1],
    )
    assert.equal(new Set(checks.map(({ id }) => id)).size, 3)
  })

  const asked: {
    fact: string
    record?: UploadRecord
    changes?: Partial<UploadAsset>
    recheck?: boolean
    asks: boolean
  }[] = [
    { fact: 'what was never asked about', asks: true },
    { fact: 'what failed', record: { state: 'failed' }, asks: true },
    { fact: 'what was in the trash of the server', record: { state: 'trashed', remoteId: 'x' }, asks: true },
    { fact: 'not what was uploaded', record: uploaded, asks: false },
    { fact: 'not what was there', record: { state: 'present', remoteId: 'x' }, asks: false },
    { fact: 'what was uploaded, when told to', record: uploaded, recheck: true, asks: true },
    { fact: 'not what the server cannot take', changes: { path: 'a/b.psd' }, asks: false },
    { fact: 'not what stays in the library', changes: { role: 'overlay' }, asks: false },
  ]
  for (const { fact, record, changes, recheck = false, asks } of asked) {
    test(`asks for ${fact}`, () => {
      const one = asset(1, { ...changes, ...(record === undefined ? {} : { record }) })
      assert.equal(checksOf([{ assets: [one] }], { ...OPTIONS, recheck }).length > 0, asks)
    })
  }
})

describe('verdictsOf', () => {
  const checks = [
    { id: '1/written', sha1: 'a'.repeat(40) },
    { id: '1/source', sha1: 'b'.repeat(40) },
  ]
  const duplicate = (id: string, isTrashed: boolean): UploadVerdict => ({
    id,
    action: 'duplicate',
    assetId: `of ${id}`,
    isTrashed,
  })

  test('finds an untouched original that a phone has sent', () => {
    const verdicts = verdictsOf(checks, [{ id: '1/written', action: 'accept' }, duplicate('1/source', false)])
    assert.deepEqual(verdicts.get(1), { kind: 'present', remoteId: 'of 1/source', sha1: 'b'.repeat(40) })
  })

  test('what is there counts before what is in the trash', () => {
    const verdicts = verdictsOf(checks, [duplicate('1/written', true), duplicate('1/source', false)])
    assert.deepEqual(verdicts.get(1), { kind: 'present', remoteId: 'of 1/source', sha1: 'b'.repeat(40) })
  })

  test('what is in the trash is not new', () => {
    const verdicts = verdictsOf(checks, [duplicate('1/written', true), { id: '1/source', action: 'accept' }])
    assert.equal(verdicts.get(1)?.kind, 'trashed')
  })
})

describe('planUploads', () => {
  test('sends what the server has not', () => {
    const { units, settled, skipped } = plan([asset(1)], { 1: { kind: 'new' } })
    assert.equal(units[0]?.files[0]?.upload.sha1, asset(1).writtenSha1)
    assert.equal(units[0]?.sizeBytes, 101)
    assert.deepEqual([settled, skipped], [[], []])
  })

  test('settles what the server has under either hash, and sends nothing', () => {
    const planned = plan([asset(1)], { 1: present(1) })
    assert.deepEqual(sent(planned), [])
    assert.deepEqual(planned.settled, [
      { assetId: 1, state: 'present', remoteId: 'remote-1', sha1: asset(1).sourceSha1 },
    ])
  })

  test('leaves in the trash of the server what lies there', () => {
    const planned = plan([asset(1, { albums: [{ title: 'Trip', exportName: 'x' }] })], { 1: trashed(1) })
    assert.deepEqual([sent(planned), planned.members], [[], []])
    assert.equal(planned.settled[0]?.state, 'trashed')
  })

  test('a second run sends nothing, and still knows the albums', () => {
    const planned = plan([asset(1, { record: uploaded, albums: [{ title: 'Trip', exportName: 'x' }] })])
    assert.deepEqual([sent(planned), planned.settled], [[], []])
    assert.deepEqual(planned.members, [{ name: 'Trip', assetId: 1 }])
  })

  test('sends again what was deleted on the server, when told to look', () => {
    assert.deepEqual(
      sent(plan([asset(1, { record: uploaded })], { 1: { kind: 'new' } }, { recheck: true })),
      [[1]],
    )
  })

  test('names what a recheck finds gone, so that a crash does not forget it', () => {
    const planned = plan(
      [asset(1, { record: uploaded }), asset(2, { role: 'edited', record: uploaded })],
      { 1: { kind: 'new' }, 2: present(2, 'old') },
      { recheck: true },
    )
    assert.deepEqual([sent(planned), planned.gone], [[[1]], [1]])
    assert.deepEqual(plan([asset(1)], { 1: { kind: 'new' } }).gone, [])
  })

  describe('what was seen in the trash of the server', () => {
    const record: UploadRecord = { state: 'trashed', remoteId: 'remote-1' }
    const one = asset(1, { record, albums: [{ title: 'Trip', exportName: 'x' }] })

    test('stays away when the trash was emptied', () => {
      const planned = plan([one], { 1: { kind: 'new' } })
      assert.deepEqual([sent(planned), planned.members], [[], []])
      assert.deepEqual(planned.settled, [{ assetId: 1, state: 'trashed', remoteId: 'remote-1' }])
    })

    test('is sent again when told to look', () => {
      assert.deepEqual(sent(plan([one], { 1: { kind: 'new' } }, { recheck: true })), [[1]])
    })

    test('is there again when it was restored', () => {
      const planned = plan([one], { 1: present(1) })
      assert.deepEqual([sent(planned), planned.members.length], [[], 1])
      assert.equal(planned.settled[0]?.state, 'present')
    })

    test('is not sent again while it lies there, even when told to look', () => {
      const planned = plan([asset(1, { record: uploaded })], { 1: trashed(1) }, { recheck: true })
      assert.deepEqual([sent(planned), planned.gone], [[], []])
    })
  })

  test('what lies in the trash of its export is left out unless asked for', () => {
    const planned = plan([asset(1, { trashed: true })])
    assert.deepEqual(
      planned.skipped.map(({ reason }) => reason),
      ['trashed-in-export'],
    )
    assert.deepEqual(sent(plan([asset(1, { trashed: true })], {}, { includeTrashed: true })), [[1]])
  })

  test('says what the server cannot take', () => {
    assert.deepEqual(plan([asset(1, { path: 'a/b.psd' })]).settled, [{ assetId: 1, state: 'unsupported' }])
    assert.deepEqual(sent(plan([asset(1, { path: 'a/b.psd' })], {}, { supported: new Set() })), [[1]])
  })

  test('leaves out what a pattern names, and keeps the rest of the item', () => {
    const raw = asset(2, { role: 'raw', format: 'dng', path: 'a/x.dng', originalName: 'IMG_1.DNG' })
    const planned = plan([asset(1), raw], {}, { isIgnored: toIgnoreMatcher(['*.dng']) })
    assert.deepEqual(sent(planned), [[1]])
    assert.deepEqual(planned.skipped, [{ assetId: 2, path: 'a/x.dng', reason: 'ignored' }])
    assert.deepEqual(planned.stacks, [])
  })

  test('overlays and edit instructions stay in the library', () => {
    const overlay = asset(2, { role: 'overlay', path: 'a/o.png' })
    const instructions = asset(3, { role: 'edit-instructions', path: 'a/i.aae' })
    const planned = plan([asset(1), overlay, instructions])
    assert.deepEqual(sent(planned), [[1]])
    assert.deepEqual(
      planned.skipped.map(({ reason }) => reason),
      ['kept-in-library', 'kept-in-library'],
    )
    assert.deepEqual(planned.stacks, [])
  })

  test('an archived favourite is sent as such', () => {
    const [file] = plan([asset(1, { archived: true, favourite: true })]).units[0]?.files ?? []
    assert.equal(file?.upload.visibility, 'archive')
    assert.equal(file?.upload.isFavourite, true)
    assert.deepEqual(file?.told, { favourite: true, archived: true })
  })

  test('what another export has added goes along in a sidecar', () => {
    const [file] =
      plan([asset(1, { knowsMore: true, caption: 'At sea', people: ['Ada'] })]).units[0]?.files ?? []
    assert.equal(file?.words?.caption, 'At sea')
    assert.deepEqual(file?.words?.people, ['Ada'])
    assert.equal(plan([asset(1, { caption: 'At sea' })]).units[0]?.files[0]?.words, undefined)
  })
})

describe('planUploads of live photos', () => {
  test('the video goes first, and the still names it', () => {
    const planned = plan([
      asset(1, { favourite: true, archived: true }),
      clip(2, { favourite: true, archived: true }),
    ])
    assert.deepEqual(sent(planned), [[2, 1]])
    const [video, still] = planned.units[0]?.files ?? []
    assert.deepEqual(still?.clip, { assetId: 2 })
    assert.equal(video?.upload.isFavourite, undefined)
    assert.equal(video?.upload.visibility, undefined)
    assert.deepEqual(planned.stacks, [])
  })

  test('a video that is there already is named by its id', () => {
    const planned = plan([asset(1), clip(2)], { 1: { kind: 'new' }, 2: present(2) })
    assert.deepEqual(sent(planned), [[1]])
    assert.deepEqual(planned.units[0]?.files[0]?.clip, { assetId: 2, remoteId: 'remote-2' })
    assert.deepEqual(planned.stacks, [])
  })

  test('a video that comes after its still is stacked below it', () => {
    const planned = plan([asset(1), clip(2)], { 1: present(1), 2: { kind: 'new' } })
    assert.deepEqual(sent(planned), [[2]])
    assert.equal(planned.units[0]?.files[0]?.clip, undefined)
    assert.deepEqual(planned.stacks, [{ assetId: 1, members: [1, 2] }])
  })

  test('a still that is there with its video is left as it is', () => {
    const planned = plan([asset(1), clip(2)], { 1: present(1), 2: present(2) })
    assert.deepEqual([sent(planned), planned.stacks], [[], []])
  })

  test('a still in the trash of the server keeps its video out', () => {
    const planned = plan([asset(1), clip(2)], { 1: trashed(1), 2: { kind: 'new' } })
    assert.deepEqual(sent(planned), [])
    assert.deepEqual(
      planned.skipped.map(({ reason }) => reason),
      ['still-is-trashed'],
    )
  })

  test('of two videos the live one is the own one of the still', () => {
    const planned = plan([asset(1), clip(2, { role: 'motion-video' }), clip(3)])
    assert.deepEqual(sent(planned), [[3, 1, 2]])
    assert.deepEqual(planned.units[0]?.files[1]?.clip, { assetId: 3 })
    assert.deepEqual(planned.stacks, [{ assetId: 1, members: [1, 2] }])
  })

  test('a video that is no clip of a still is never one', () => {
    const planned = plan([asset(1, { format: 'mp4', path: 'a/b.mp4' }), clip(2)])
    assert.equal(
      planned.units[0]?.files.some(({ clip: own }) => own !== undefined),
      false,
    )
  })

  const both = [asset(1, { record: uploaded }), clip(2, { record: uploaded })]

  test('a live photo that is gone from the server is sent again with its video', () => {
    const planned = plan(both, { 1: { kind: 'new' }, 2: { kind: 'new' } }, { recheck: true })
    assert.deepEqual(sent(planned), [[2, 1]])
    assert.deepEqual(planned.units[0]?.files[1]?.clip, { assetId: 2 })
    assert.deepEqual(planned.gone, [1, 2])
  })

  test('a clip that is missing beside its still is not: the server drops that of a motion photo', () => {
    const planned = plan(both, { 1: present(1, 'old'), 2: { kind: 'new' } }, { recheck: true })
    assert.deepEqual([sent(planned), planned.gone, planned.stacks], [[], [], []])
  })
})

describe('planUploads of stacks and albums', () => {
  const albums = [
    { title: 'Trip', description: 'To the sea', exportName: 'google-anna-20240101', user: 'anna' },
  ]

  test('the edited one is shown, and is the one that albums get', () => {
    const planned = plan([asset(1, { albums }), asset(2, { role: 'edited', albums })])
    assert.deepEqual(planned.stacks, [{ assetId: 1, members: [2, 1] }])
    assert.deepEqual(planned.members, [{ name: 'Trip', description: 'To the sea', assetId: 2 }])
    assert.equal(sent(planned).flat().length, 2)
  })

  test('a RAW file lies below its picture', () => {
    const raw = asset(2, { role: 'raw', format: 'dng', path: 'a/x.dng' })
    assert.deepEqual(plan([asset(1), raw]).stacks, [{ assetId: 1, members: [1, 2] }])
  })

  test('an edited one in the trash of the server leaves the original to be shown', () => {
    const planned = plan([asset(1, { albums }), asset(2, { role: 'edited', albums })], { 2: trashed(2) })
    assert.deepEqual(planned.stacks, [])
    assert.deepEqual(
      planned.members.map(({ assetId }) => assetId),
      [1],
    )
  })

  test('an original that the phone has sent is stacked with the edited one', () => {
    const planned = plan([asset(1), asset(2, { role: 'edited' })], { 1: present(1), 2: { kind: 'new' } })
    assert.deepEqual(sent(planned), [[2]])
    assert.deepEqual(planned.stacks, [{ assetId: 1, members: [2, 1] }])
  })

  test('an album of each name is one, whichever export it is from', () => {
    const both = [...albums, { title: 'Trip', exportName: 'google-ben-20240101', user: 'ben' }]
    assert.deepEqual(plan([asset(1, { albums: both })]).members.length, 1)
    const named = plan([asset(1, { albums: both })], {}, { albumNames: ['{album} of {user}'] })
    assert.deepEqual(
      named.members.map(({ name }) => name),
      ['Trip of anna', 'Trip of ben'],
    )
  })
})
