/**
 * What the fake Immich remembers: users, keys, assets, albums, stacks, tags, people, and what its clients did wrong.
 *
 * Survives `restart()`. Rules that hold for the real server's tables hold here: one asset for an owner and a checksum.
 *
 * @module
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { type AssetParts, extractMetadata, newFakeAsset } from './fake-asset.ts'

export type Visibility = 'timeline' | 'archive' | 'hidden' | 'locked'

export interface FakeUser {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly password: string
  /** Undefined: no limit. */
  quotaBytes: number | undefined
  readonly isAdmin: boolean
}

export interface FakeKey {
  readonly id: string
  readonly secret: string
  readonly name: string
  readonly userId: string
  /** Such as `asset.upload`; `all` for everything. */
  permissions: string[]
  /** Came from a login: no permissions are asked. */
  readonly isSession: boolean
}

/** What the file says of itself; null where it says nothing. */
export interface FakeExif {
  /** ISO 8601. */
  readonly dateTimeOriginal: string | null
  /** An IANA name, or `UTC+2`. */
  readonly timeZone: string | null
  readonly make: string | null
  readonly model: string | null
  readonly lensModel: string | null
  readonly city: string | null
  readonly state: string | null
  readonly country: string | null
  readonly latitude: number | null
  readonly longitude: number | null
  readonly exifImageWidth: number | null
  readonly exifImageHeight: number | null
}

export interface FakeAsset {
  readonly id: string
  readonly ownerId: string
  /** 40 hexadecimal digits, of the bytes that arrived. */
  readonly sha1: string
  readonly fileName: string
  originalPath: string
  readonly sizeBytes: number
  readonly type: 'IMAGE' | 'VIDEO'
  /** What the server sorts by. */
  fileCreatedAt: string
  /** The clock's time where it was taken, as if UTC. */
  localDateTime: string
  exif: FakeExif
  readonly fileModifiedAt: string
  readonly createdAt: string
  updatedAt: string
  isFavorite: boolean
  visibility: Visibility
  livePhotoVideoId: string | undefined
  readonly duration: string | undefined
  readonly deviceAssetId: string | undefined
  readonly deviceId: string | undefined
  /** Text of the `.xmp`. */
  readonly sidecar: string | undefined
  description: string
  rating: number | null
  deletedAt: string | undefined
  stackId: string | undefined
  duplicateId: string | null
  readonly tagIds: Set<string>
  readonly personIds: Set<string>
  readonly metadata: Map<string, unknown>
}

export interface FakeAlbum {
  readonly id: string
  readonly ownerId: string
  name: string
  description: string
  readonly createdAt: string
  updatedAt: string
  /** In the order of adding; trashed ones stay members. */
  readonly assetIds: Set<string>
  readonly sharedWith: Set<string>
  /** Of those it is shared with; who is not in it is an editor. */
  readonly roles: Map<string, 'viewer' | 'editor'>
}

export interface FakePerson {
  readonly id: string
  readonly ownerId: string
  /** Empty for a face that nobody has named. */
  name: string
  isHidden: boolean
}

export interface FakeStack {
  readonly id: string
  readonly ownerId: string
  primaryAssetId: string
}

export interface FakeTag {
  readonly id: string
  readonly userId: string
  /** The whole path: `A/B/C`. */
  readonly value: string
  readonly parentId: string | undefined
  readonly createdAt: string
}

/** What a correct client never does. */
export type ViolationKind =
  | 'checksum-mismatch'
  | 'malformed-checksum'
  | 'same-content-in-flight'
  | 'filename-after-data'
  | 'missing-field'
  | 'date-without-offset'
  | 'body-too-large'
  | 'too-many-checksums'
  | 'too-many-pairs'
  | 'malformed-multipart'
  | 'invalid-body'
  | 'unknown-id'
  | 'unknown-route'
  /** Not the client's: a test that sees it has found an error here. */
  | 'bug-in-fake'

export interface Violation {
  readonly kind: ViolationKind
  readonly route: string
  readonly detail: string
  readonly at: number
}

/** Work that the server did for its clients. */
export interface FakeCounters {
  created: number
  /** Answered from the header, the body not needed. */
  earlyDuplicates: number
  /** The whole body came, and the server had it. */
  lateDuplicates: number
  receivedFileBytes: number
  /** Bodies that ended before their end. */
  brokenBodies: number
  /** One for each id of `PUT /assets` and of tagging, as the real server queues them. */
  sidecarWriteJobs: number
  uploadsInFlight: number
  maxUploadsInFlight: number
  /** Sync streams whose client went away before the end. */
  cutStreams: number
  /** Sync streams that were to begin while the same session read another. */
  streamsAtOnce: number
}

export class FakeState {
  readonly users: Map<string, FakeUser> = new Map()
  /** By secret. */
  readonly keys: Map<string, FakeKey> = new Map()
  readonly assets: Map<string, FakeAsset> = new Map()
  readonly albums: Map<string, FakeAlbum> = new Map()
  readonly stacks: Map<string, FakeStack> = new Map()
  readonly tags: Map<string, FakeTag> = new Map()
  /** What it says of its disk; uploads take nothing of it. */
  readonly disk: { sizeBytes: number; freeBytes: number } = { sizeBytes: 2e12, freeBytes: 812e9 }
  readonly violations: Violation[] = []
  readonly counters: FakeCounters = {
    created: 0,
    earlyDuplicates: 0,
    lateDuplicates: 0,
    receivedFileBytes: 0,
    brokenBodies: 0,
    sidecarWriteJobs: 0,
    uploadsInFlight: 0,
    maxUploadsInFlight: 0,
    cutStreams: 0,
    streamsAtOnce: 0,
  }
  readonly people: Map<string, FakePerson> = new Map()
  /** Of sessions: acks by type, by the session's key. */
  readonly checkpoints: Map<string, Map<string, string>> = new Map()
  /** Assets whose sidecar is to be written and read again: see {@link runMetadataJobs}. */
  readonly metadataJobs: Set<string> = new Set()
  /** `held`: jobs wait for {@link runMetadataJobs}. */
  jobs: 'held' | 'at-once' = 'held'
  /** Newest first, or to be made. */
  #byDate: FakeAsset[] | undefined
  readonly #assetIdBySha1: Map<string, string> = new Map()

  /** The first one is an admin, as whoever installs a server. */
  addUser(name: string, options: { readonly isAdmin?: boolean } = {}): FakeUser {
    const user: FakeUser = {
      id: randomUUID(),
      name,
      email: `${name}@example.com`,
      password: `password of ${name}`,
      quotaBytes: undefined,
      isAdmin: options.isAdmin ?? this.users.size === 0,
    }
    this.users.set(user.id, user)
    return user
  }

  addKey(userId: string, permissions: readonly string[], secret?: string): FakeKey {
    return this.#addKey(userId, permissions, secret ?? randomBytes(32).toString('base64url'), false)
  }

  addSession(userId: string): FakeKey {
    return this.#addKey(userId, ['all'], randomBytes(32).toString('base64url'), true)
  }

  #addKey(userId: string, permissions: readonly string[], secret: string, isSession: boolean): FakeKey {
    const name = isSession ? 'session' : `key ${this.keys.size + 1}`
    const key = { id: randomUUID(), secret, name, userId, permissions: [...permissions], isSession }
    this.keys.set(secret, key)
    return key
  }

  /** Trashed ones too, as the server's unique index has them. */
  assetBySha1(ownerId: string, sha1: string): FakeAsset | undefined {
    const id = this.#assetIdBySha1.get(`${ownerId}:${sha1}`)
    return id === undefined ? undefined : this.assets.get(id)
  }

  /** @throws {Error} when the owner has these bytes: the caller must look before. */
  insertAsset(asset: FakeAsset): void {
    const unique = `${asset.ownerId}:${asset.sha1}`
    if (this.#assetIdBySha1.has(unique)) throw new Error(`asset ${asset.sha1} exists already`)
    this.#assetIdBySha1.set(unique, asset.id)
    this.assets.set(asset.id, asset)
    this.#byDate = undefined
  }

  /** From a few parts; see {@link newFakeAsset}. */
  addAsset(parts: AssetParts): FakeAsset {
    const asset = newFakeAsset(parts)
    this.insertAsset(asset)
    return asset
  }

  addPerson(ownerId: string, name: string): FakePerson {
    const person = { id: randomUUID(), ownerId, name, isHidden: false }
    this.people.set(person.id, person)
    return person
  }

  addAlbum(
    parts: Pick<FakeAlbum, 'ownerId' | 'name'> &
      Partial<Omit<FakeAlbum, 'assetIds'>> & { readonly assetIds?: Iterable<string> },
  ): FakeAlbum {
    const now = new Date().toISOString()
    const album: FakeAlbum = {
      id: randomUUID(),
      description: '',
      createdAt: now,
      updatedAt: now,
      sharedWith: new Set(),
      roles: new Map(),
      ...parts,
      assetIds: new Set(parts.assetIds),
    }
    this.albums.set(album.id, album)
    return album
  }

  /** Answers the leaf; its parents are made. */
  addTag(userId: string, value: string): FakeTag {
    const known = [...this.tags.values()].find((tag) => tag.userId === userId && tag.value === value)
    if (known !== undefined) return known
    const slash = value.lastIndexOf('/')
    const parentId = slash === -1 ? undefined : this.addTag(userId, value.slice(0, slash)).id
    const tag = { id: randomUUID(), userId, value, parentId, createdAt: new Date().toISOString() }
    this.tags.set(tag.id, tag)
    return tag
  }

  /** Itself and all below it. */
  tagFamily(id: string): ReadonlySet<string> {
    const value = this.tags.get(id)?.value
    if (value === undefined) return new Set()
    const family = [...this.tags.values()].filter(
      (tag) => tag.value === value || tag.value.startsWith(`${value}/`),
    )
    return new Set(family.map((tag) => tag.id))
  }

  /** Newest first, equal dates by id. Sorted again only when somebody changed a date. */
  assetsByDate(): readonly FakeAsset[] {
    const kept = this.#byDate?.length === this.assets.size ? this.#byDate : undefined
    const list = kept ?? [...this.assets.values()]
    const isSorted = list.every((asset, at) => at === 0 || newestFirst(list[at - 1] ?? asset, asset) <= 0)
    if (!isSorted) list.sort(newestFirst)
    this.#byDate = list
    return list
  }

  /** What each change of an asset queues, at once or when a test says so. */
  queueMetadataJob(asset: FakeAsset): void {
    this.counters.sidecarWriteJobs += 1
    if (this.jobs === 'at-once') extractMetadata(asset)
    else this.metadataJobs.add(asset.id)
  }

  /** Answers how many ran. */
  runMetadataJobs(): number {
    const ids = [...this.metadataJobs]
    this.metadataJobs.clear()
    for (const asset of ids.map((id) => this.assets.get(id))) if (asset !== undefined) extractMetadata(asset)
    return ids.length
  }

  /** For good: also out of albums and stacks. */
  removeAsset(id: string): void {
    const asset = this.assets.get(id)
    if (asset === undefined) return
    this.assets.delete(id)
    this.#byDate = undefined
    this.#assetIdBySha1.delete(`${asset.ownerId}:${asset.sha1}`)
    for (const album of this.albums.values()) album.assetIds.delete(id)
  }

  /** Of one stack, the primary first. */
  membersOf(stack: FakeStack): FakeAsset[] {
    const members = [...this.assets.values()].filter((asset) => asset.stackId === stack.id)
    const isPrimary = (asset: FakeAsset): number => Number(asset.id === stack.primaryAssetId)
    return members.toSorted((a, b) => isPrimary(b) - isPrimary(a))
  }

  /** All with this name, in the order of their arrival. */
  assetsNamed(fileName: string): FakeAsset[] {
    return [...this.assets.values()].filter((asset) => asset.fileName === fileName)
  }

  albumNamed(name: string): FakeAlbum | undefined {
    return [...this.albums.values()].find((album) => album.name === name)
  }

  /** File names of an album, sorted; trashed ones left out. */
  fileNamesIn(albumName: string): string[] {
    const ids = [...(this.albumNamed(albumName)?.assetIds ?? [])]
    const assets = ids.map((id) => this.assets.get(id)).filter((asset) => asset !== undefined)
    return assets
      .filter((asset) => asset.deletedAt === undefined)
      .map((asset) => asset.fileName)
      .toSorted()
  }

  violate(kind: ViolationKind, route: string, detail: string): void {
    this.violations.push({ kind, route, detail, at: Date.now() })
  }
}

function newestFirst(a: FakeAsset, b: FakeAsset): number {
  if (a.fileCreatedAt !== b.fileCreatedAt) return a.fileCreatedAt > b.fileCreatedAt ? -1 : 1
  return a.id > b.id ? -1 : 1
}
