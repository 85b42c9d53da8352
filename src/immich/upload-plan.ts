/**
 * What is to be sent to the server for a page of the catalog, in which order and under which names.
 *
 * Pure. What belongs together is one unit, so that no crash leaves half of it in the timeline for long:
 * - live photo: the video first, then the still, which is told the video's id; the server hides the video. A clip
 *   beside a motion photo goes the same way; a motion photo that carries its video is one file, and the server
 *   finds the video in it (and then drops the clip).
 * - edited and original, RAW and JPEG: a stack, the edited one shown.
 * - overlays and edit instructions stay in the library: alone they show nothing, and the server cannot apply them.
 *
 * Albums get the shown picture of an item, once. What the server has already (as the library wrote it, or
 * untouched as a phone sent it) is not sent again; what lies in its trash, or lay there until it was emptied, is
 * reported and left alone. Only a recheck sends what its owner has deleted on the server.
 *
 * @module
 */

import { formatById } from '../media/formats.ts'
import type { WantedMetadata } from '../media/metadata.ts'
import { albumsOf, type NamedAlbum } from './album-names.ts'
import type { UploadCheck, UploadFile, UploadVerdict } from './api.ts'
import type { IgnoreMatcher } from './ignore-patterns.ts'
import type { AssetVerdict, UploadAsset, UploadFamily, UploadSettlement, Words } from './upload-asset.ts'
import { createdAtOf, uploadName, wantedOf, wordsOf } from './upload-file.ts'

export interface UploadPlanOptions {
  /** Extensions that the server takes, with their dot, lower case; empty when it did not tell. */
  readonly supported: ReadonlySet<string>
  /** Templates, see `album-names.ts`; none for no albums. */
  readonly albumNames: readonly string[]
  readonly isIgnored: IgnoreMatcher
  /** Also what lies in the trash of its export. */
  readonly includeTrashed: boolean
  /** Ask again for what an earlier run has settled; what was deleted on the server is sent again. */
  readonly recheck: boolean
}

/** One file of a unit; plain data, it goes through the queue. */
export interface UnitFile {
  readonly assetId: number
  /** Relative to the library. */
  readonly path: string
  readonly sidecarPath?: string
  /** To be added to the sidecar, or made into one: more than the file says. */
  readonly words?: WantedMetadata
  readonly upload: Pick<
    UploadFile,
    'fileName' | 'sizeBytes' | 'sha1' | 'createdAt' | 'isFavourite' | 'visibility'
  >
  /** The video of this live photo: an earlier file of the unit, or on the server already (`remoteId`). */
  readonly clip?: { readonly assetId: number; readonly remoteId?: string }
  /** What the server then knows of it. */
  readonly told: Words
}

/** What is sent one after the other. */
export interface UploadUnit {
  /** Of the item's primary. */
  readonly assetId: number
  readonly files: readonly UnitFile[]
  readonly sizeBytes: number
}

export interface PlannedMember extends NamedAlbum {
  readonly assetId: number
}

export interface PlannedStack {
  /** Of the item's primary. */
  readonly assetId: number
  /** Two or more; the shown one first. */
  readonly members: readonly number[]
}

export type SkipReason =
  | 'ignored'
  | 'trashed-in-export'
  /** Overlays and edit instructions. */
  | 'kept-in-library'
  /** The video of a live photo whose still lies in the server's trash. */
  | 'still-is-trashed'

export interface SkippedAsset {
  readonly assetId: number
  readonly path: string
  readonly reason: SkipReason
}

export interface UploadPlan {
  readonly units: readonly UploadUnit[]
  /** What needs no upload to be known: present, trashed, unsupported. */
  readonly settled: readonly UploadSettlement[]
  readonly members: readonly PlannedMember[]
  readonly stacks: readonly PlannedStack[]
  readonly skipped: readonly SkippedAsset[]
  /** Of a recheck: recorded as being on the server, and not there any more. Their records are void. */
  readonly gone: readonly number[]
}

/** What to ask the server of a page: both hashes of whatever is not settled. */
export function checksOf(
  families: readonly UploadFamily[],
  options: UploadPlanOptions,
): readonly UploadCheck[] {
  return families
    .flatMap(({ assets }) => assets)
    .filter((asset) => skipReason(asset, options) === undefined && isSupported(asset, options))
    .filter((asset) => needsCheck(asset, options))
    .flatMap(({ id, sourceSha1, writtenSha1 }) => [
      { id: `${id}/written`, sha1: writtenSha1 },
      ...(sourceSha1 === writtenSha1 ? [] : [{ id: `${id}/source`, sha1: sourceSha1 }]),
    ])
}

/** The answers by asset. What is there counts before what is in the trash, and both before what is not. */
export function verdictsOf(
  checks: readonly UploadCheck[],
  answers: readonly UploadVerdict[],
): ReadonlyMap<number, AssetVerdict> {
  const sha1s = new Map(checks.map(({ id, sha1 }) => [id, sha1]))
  const verdicts = new Map<number, AssetVerdict>()
  for (const answer of answers) {
    const sha1 = sha1s.get(answer.id)
    if (sha1 === undefined) continue
    const assetId = Number.parseInt(answer.id, 10)
    const verdict = toVerdict(answer, sha1)
    const known = verdicts.get(assetId)
    if (known === undefined || RANK[verdict.kind] > RANK[known.kind]) verdicts.set(assetId, verdict)
  }
  return verdicts
}

const RANK: Readonly<Record<AssetVerdict['kind'], number>> = {
  new: 0,
  unsupported: 1,
  trashed: 2,
  present: 3,
}

function toVerdict(answer: UploadVerdict, sha1: string): AssetVerdict {
  switch (answer.action) {
    case 'accept':
      return { kind: 'new' }
    case 'unsupported':
      return { kind: 'unsupported' }
    case 'duplicate':
      return { kind: answer.isTrashed ? 'trashed' : 'present', remoteId: answer.assetId, sha1 }
  }
}

/** @param verdicts - Of {@link verdictsOf}; an asset without one is as its record says. */
export function planUploads(
  families: readonly UploadFamily[],
  verdicts: ReadonlyMap<number, AssetVerdict>,
  options: UploadPlanOptions,
): UploadPlan {
  const plans = families.map((family) => planFamily(family, verdicts, options))
  return {
    units: plans.flatMap(({ units }) => units),
    settled: plans.flatMap(({ settled }) => settled),
    members: plans.flatMap(({ members }) => members),
    stacks: plans.flatMap(({ stacks }) => stacks),
    skipped: plans.flatMap(({ skipped }) => skipped),
    gone: plans.flatMap(({ gone }) => gone),
  }
}

// # One item

/** What is to become of one asset. `held`: it is on the server, and not in the trash. */
type Standing =
  | { readonly kind: 'to-send' }
  | { readonly kind: 'held'; readonly remoteId: string; readonly settlement?: UploadSettlement }
  | { readonly kind: 'trashed' | 'unsupported'; readonly settlement: UploadSettlement }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }

interface Placed {
  readonly asset: UploadAsset
  readonly standing: Standing
}

function planFamily(
  { assets }: UploadFamily,
  verdicts: ReadonlyMap<number, AssetVerdict>,
  options: UploadPlanOptions,
): UploadPlan {
  const placed = toPlaced(assets, verdicts, options)
  const [primary] = placed
  if (primary === undefined) return NOTHING
  const clip = findClip(placed)
  const seen = toSeen(placed, clip)
  const [shown] = seen
  return {
    units: toUnits(primary.asset, placed, clip),
    settled: placed.flatMap(({ standing }) =>
      'settlement' in standing && standing.settlement !== undefined ? [standing.settlement] : [],
    ),
    members: shown === undefined ? [] : toMembers(shown, assets, options),
    stacks: seen.length < 2 ? [] : [{ assetId: primary.asset.id, members: seen.map(({ id }) => id) }],
    skipped: placed.flatMap(({ asset: { id, path }, standing }) =>
      standing.kind === 'skipped' ? [{ assetId: id, path, reason: standing.reason }] : [],
    ),
    gone: placed.flatMap(({ asset: { id, record }, standing }) =>
      standing.kind === 'to-send' && isHeld(record) ? [id] : [],
    ),
  }
}

const NOTHING: UploadPlan = { units: [], settled: [], members: [], stacks: [], skipped: [], gone: [] }

function toPlaced(
  assets: readonly UploadAsset[],
  verdicts: ReadonlyMap<number, AssetVerdict>,
  options: UploadPlanOptions,
): readonly Placed[] {
  const placed = assets.map((asset) => ({
    asset,
    standing: standingOf(asset, verdicts.get(asset.id), options),
  }))
  return withoutOrphanClip(withDroppedClip(placed))
}

function standingOf(
  asset: UploadAsset,
  verdict: AssetVerdict | undefined,
  options: UploadPlanOptions,
): Standing {
  const reason = skipReason(asset, options)
  if (reason !== undefined) return { kind: 'skipped', reason }
  const { id: assetId, record } = asset
  if (!isSupported(asset, options))
    return { kind: 'unsupported', settlement: { assetId, state: 'unsupported' } }
  if (verdict === undefined) return recordedStanding(asset)
  switch (verdict.kind) {
    case 'new':
      // Its owner threw it away, and the trash was emptied since.
      if (record?.state === 'trashed' && !options.recheck) return recordedStanding(asset)
      return { kind: 'to-send' }
    case 'unsupported':
      return { kind: 'unsupported', settlement: { assetId, state: 'unsupported' } }
    case 'trashed': {
      const { remoteId, sha1 } = verdict
      return { kind: 'trashed', settlement: { assetId, state: 'trashed', remoteId, sha1 } }
    }
    case 'present': {
      const { remoteId, sha1 } = verdict
      const isKnown = isHeld(record) && record?.remoteId === remoteId
      if (isKnown) return { kind: 'held', remoteId }
      return { kind: 'held', remoteId, settlement: { assetId, state: 'present', remoteId, sha1 } }
    }
  }
}

function recordedStanding({ id: assetId, record }: UploadAsset): Standing {
  if (isHeld(record) && record?.remoteId !== undefined) return { kind: 'held', remoteId: record.remoteId }
  // Nobody asked the server: it is sent, and answered as a duplicate where it is there.
  if (record?.state !== 'trashed' && record?.state !== 'unsupported') return { kind: 'to-send' }
  const { state, remoteId } = record
  return { kind: state, settlement: { assetId, state, ...(remoteId === undefined ? {} : { remoteId }) } }
}

function isHeld(record: UploadAsset['record']): boolean {
  return record?.state === 'uploaded' || record?.state === 'present'
}

function needsCheck({ record }: UploadAsset, { recheck }: UploadPlanOptions): boolean {
  return recheck || !isHeld(record) || record?.remoteId === undefined
}

function isSupported({ path }: UploadAsset, { supported }: UploadPlanOptions): boolean {
  return supported.size === 0 || supported.has(path.slice(path.lastIndexOf('.')).toLowerCase())
}

function skipReason(asset: UploadAsset, options: UploadPlanOptions): SkipReason | undefined {
  if (asset.role === 'overlay' || asset.role === 'edit-instructions') return 'kept-in-library'
  if (asset.trashed && !options.includeTrashed) return 'trashed-in-export'
  return options.isIgnored(asset) ? 'ignored' : undefined
}

// # Live photos

function isClip({ role }: UploadAsset): boolean {
  return role === 'live-video' || role === 'motion-video'
}

/** The server drops the clip of a still that has its video inside: it is missed only where the still is gone, too. */
function withDroppedClip(placed: readonly Placed[]): readonly Placed[] {
  if (placed[0]?.standing.kind === 'to-send') return placed
  return placed.map(({ asset, standing }, index) =>
    index > 0 && isClip(asset) && standing.kind === 'to-send' && isHeld(asset.record)
      ? { asset, standing: recordedStanding(asset) }
      : { asset, standing },
  )
}

/** A still in the server's trash was thrown away with its movement. */
function withoutOrphanClip(placed: readonly Placed[]): readonly Placed[] {
  if (placed[0]?.standing.kind !== 'trashed') return placed
  return placed.map(({ asset, standing }, index) =>
    index > 0 && isClip(asset) && standing.kind === 'to-send'
      ? { asset, standing: { kind: 'skipped', reason: 'still-is-trashed' } }
      : { asset, standing },
  )
}

/**
 * The one video that becomes the still's own. One that comes when the still is there already, as an ordinary
 * upload, cannot be given to it any more, and is stacked below it.
 */
function findClip([primary, ...others]: readonly Placed[]): Placed | undefined {
  if (primary === undefined || formatById(primary.asset.format)?.kind === 'video') return undefined
  const { kind } = primary.standing
  const clips = others
    .filter(({ asset }) => isClip(asset))
    .toSorted(
      (one, other) => Number(other.asset.role === 'live-video') - Number(one.asset.role === 'live-video'),
    )
  if (kind === 'to-send') {
    return clips.find(({ standing }) => standing.kind === 'held' || standing.kind === 'to-send')
  }
  return kind === 'held' ? clips.find(({ standing }) => standing.kind === 'held') : undefined
}

// # Units, stacks, albums

/** What of the item is seen on the server, the shown one first. */
function toSeen(placed: readonly Placed[], clip: Placed | undefined): readonly UploadAsset[] {
  return placed
    .filter((one) => one !== clip && (one.standing.kind === 'held' || one.standing.kind === 'to-send'))
    .map(({ asset }) => asset)
    .toSorted((one, other) => ORDER[one.role] - ORDER[other.role])
}

const ORDER: Readonly<Record<UploadAsset['role'], number>> = {
  edited: 0,
  primary: 1,
  raw: 2,
  'live-video': 3,
  'motion-video': 4,
  overlay: 5,
  'edit-instructions': 6,
}

function toUnits(
  primary: UploadAsset,
  placed: readonly Placed[],
  clip: Placed | undefined,
): readonly UploadUnit[] {
  const ordered = clip === undefined ? placed : [clip, ...placed.filter((one) => one !== clip)]
  const files = ordered
    .filter(({ standing }) => standing.kind === 'to-send')
    .map(({ asset }) => toUnitFile(asset, clip, asset === primary))
  if (files.length === 0) return []
  return [
    { assetId: primary.id, files, sizeBytes: files.reduce((sum, { upload }) => sum + upload.sizeBytes, 0) },
  ]
}

function toUnitFile(asset: UploadAsset, clip: Placed | undefined, isPrimary: boolean): UnitFile {
  const { id: assetId, path, sidecarPath, sizeBytes, writtenSha1, favourite, archived } = asset
  const isMovement = asset === clip?.asset
  return {
    assetId,
    path,
    upload: {
      fileName: uploadName(asset),
      sizeBytes,
      sha1: writtenSha1,
      createdAt: createdAtOf(asset),
      // The video of a live photo is hidden by the server; its still says the rest.
      ...(favourite && !isMovement ? { isFavourite: true } : {}),
      ...(archived && !isMovement ? { visibility: 'archive' as const } : {}),
    },
    told: wordsOf(asset),
    ...(sidecarPath === undefined ? {} : { sidecarPath }),
    ...(asset.knowsMore ? { words: wantedOf(asset) } : {}),
    ...(isPrimary && clip !== undefined ? { clip: toClip(clip) } : {}),
  }
}

function toClip({ asset, standing }: Placed): NonNullable<UnitFile['clip']> {
  return standing.kind === 'held' ? { assetId: asset.id, remoteId: standing.remoteId } : { assetId: asset.id }
}

function toMembers(
  shown: UploadAsset,
  assets: readonly UploadAsset[],
  { albumNames }: UploadPlanOptions,
): readonly PlannedMember[] {
  const albums = assets.flatMap((asset) => asset.albums)
  return albumsOf(albumNames, shown, albums).map((album) => ({ ...album, assetId: shown.id }))
}
