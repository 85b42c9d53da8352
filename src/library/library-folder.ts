/**
 * Where the parts of a library lie: `LIBRARY/.heirloom/` and what is in it.
 *
 * SQLite in WAL mode needs memory that all its users share, which a network share cannot give: the database of
 * such a library lies in a local state folder that the user names. The library remembers that folder, so that a
 * later command finds it without being told, and a different one is refused: it would start from nothing. Which
 * library a database belongs to is the business of `identity.ts`.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, rename, statfs, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { HeirloomError, systemCode } from '../errors.ts'
import { STATE_FOLDER } from '../storage/local-storage.ts'
import { UnsafeNameError } from '../storage/storage.ts'

export interface LibraryPaths {
  /** Absolute path of the library. */
  readonly root: string
  /** Holds the database: `ROOT/.heirloom`, or what `--state` says. */
  readonly stateFolder: string
  /** True: the state folder is the library's own one. */
  readonly ownState: boolean
  readonly database: string
  /** Where a coordinator takes its locks: always in the library, and in a state folder that lies elsewhere. */
  readonly lockFolders: readonly string[]
  /** Which library this is, see `identity.ts`. */
  readonly idFile: string
  /** On the library's own filesystem, so that files can be linked from it. */
  readonly tempFolder: string
  readonly thumbsFolder: string
}

/** Thrown when the database would lie on a network share. */
export class NetworkStateError extends HeirloomError {
  readonly code = 'library/network-state'
  readonly recovery = 'discard'

  constructor(folder: string, filesystem: string) {
    super(`${folder} is on a network share (${filesystem}), where a database is not safe`, {
      hint: 'Name a folder on a local disk with --state DIR; the photos still go to the share.',
    })
  }
}

/** Thrown when a library's state is known to be elsewhere than where the caller looks. */
export class OtherStateError extends HeirloomError {
  readonly code = 'library/other-state'
  readonly recovery = 'discard'

  constructor(root: string, known: string, given: string) {
    const hint =
      known === join(root, STATE_FOLDER)
        ? `Leave --state out. To have it elsewhere, move library.db and its -wal file to ${given} first.`
        : `Use --state ${known}, or move the folder and write its new place into ${pointerFile(root)}.`
    super(`library ${root} has its state in ${known}, not in ${given}`, { hint })
  }
}

/** Thrown when there is no database where the library remembers it: another one would know nothing of what was done. */
export class StateMissingError extends HeirloomError {
  readonly code = 'library/state-missing'
  readonly recovery = 'discard'

  constructor({ root, stateFolder, database }: LibraryPaths) {
    super(`library ${root} has its state in ${stateFolder}, but ${database} is not there`, {
      hint: `Connect its disk, or write the folder's new place into ${pointerFile(root)}; delete that file to begin with a new database.`,
    })
  }
}

/** Plain joining of names; nothing is looked at. */
export function libraryPaths(root: string, state?: string): LibraryPaths {
  const own = join(root, STATE_FOLDER)
  const stateFolder = state ?? own
  return {
    root,
    stateFolder,
    ownState: stateFolder === own,
    database: databaseIn(stateFolder),
    lockFolders: stateFolder === own ? [own] : [own, stateFolder],
    idFile: join(own, 'id'),
    tempFolder: join(own, 'tmp'),
    thumbsFolder: join(own, 'thumbs'),
  }
}

function databaseIn(stateFolder: string): string {
  return join(stateFolder, 'library.db')
}

function pointerFile(root: string): string {
  return join(root, STATE_FOLDER, 'state-folder')
}

/**
 * The paths of a library that may or may not exist, following what it remembers of its state folder.
 *
 * @throws {@link OtherStateError}, {@link NetworkStateError}, {@link StateMissingError}
 */
export async function findLibrary(library: string, state?: string): Promise<LibraryPaths> {
  const root = resolve(library)
  const given = state === undefined ? undefined : resolve(state)
  const known = await knownState(root)
  if (known !== undefined && given !== undefined && known !== given) {
    throw new OtherStateError(root, known, given)
  }
  const paths = libraryPaths(root, given ?? known)
  const filesystem = await findNetworkFilesystem(paths.stateFolder)
  if (filesystem !== undefined) throw new NetworkStateError(paths.stateFolder, filesystem)
  // Where its disk is not connected, an empty folder may lie in its place.
  if (known !== undefined && !existsSync(paths.database)) throw new StateMissingError(paths)
  return paths
}

/**
 * Makes the folders of {@link findLibrary}'s answer.
 *
 * @throws what {@link findLibrary} throws; UnsafeNameError when a folder that must be the library's own is a link
 */
export async function prepareLibrary(library: string, state?: string): Promise<LibraryPaths> {
  const paths = await findLibrary(library, state)
  await makeFolders(paths.root)
  for (const folder of [dirname(paths.tempFolder), paths.tempFolder]) await makeOwnFolder(folder)
  await makeFolders(paths.stateFolder)
  return paths
}

/** Thrown when a folder cannot be made where the user wants it. */
export class FolderError extends HeirloomError {
  readonly code = 'library/no-folder'
  readonly recovery = 'discard'
}

/**
 * Makes a folder and those above it. Node's own recursive `mkdir` never returns on a filesystem that answers
 * ENOENT to making a folder in one that exists, as `/proc` does (Node 24.21).
 *
 * @throws {@link FolderError}
 */
async function makeFolders(folder: string): Promise<void> {
  if (existsSync(folder)) return
  if (dirname(folder) !== folder) await makeFolders(dirname(folder))
  try {
    await mkdir(folder)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return
    const message = `folder ${folder} cannot be made (${systemCode(error) ?? String(error)})`
    throw new FolderError(message, { cause: error, hint: 'Choose another library with -o.' })
  }
}

/** Writes into the library where its state lies, when that is elsewhere; not before it is known to be its own. */
export async function rememberState({ root, stateFolder, ownState }: LibraryPaths): Promise<void> {
  if (ownState || (await readPointer(root)) === stateFolder) return
  const pointer = pointerFile(root)
  await writeFile(`${pointer}.new`, `${stateFolder}\n`, { flush: true })
  await rename(`${pointer}.new`, pointer)
}

/** Files in it are made and removed without asking, so it must not be somebody's folder behind a link. */
async function makeOwnFolder(folder: string): Promise<void> {
  await mkdir(folder).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
  if ((await lstat(folder)).isDirectory()) return
  throw new UnsafeNameError(`${folder} is a link or a file, not a folder`, {
    hint: 'Move it out of the library: heirloom makes a folder of its own there.',
  })
}

/** What the library remembers; a database in its own folder tells the same. */
async function knownState(root: string): Promise<string | undefined> {
  const own = join(root, STATE_FOLDER)
  return (await readPointer(root)) ?? (existsSync(databaseIn(own)) ? own : undefined)
}

async function readPointer(root: string): Promise<string | undefined> {
  try {
    const folder = (await readFile(pointerFile(root), 'utf8')).trim()
    return folder === '' ? undefined : folder
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** `f_type` of statfs(2) on Linux, from `linux/magic.h` and the filesystems' own headers. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x01021997, '9p'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'afs'],
  [0x00c36400, 'ceph'],
  [0x73757245, 'coda'],
  [0x564c, 'ncp'],
])

const FUSE_TYPE = 0x65735546

/**
 * The name of the network filesystem that `folder` (or, while it does not exist, its nearest parent) is on;
 * undefined when it is local, or where the system does not tell (only Linux and Windows do).
 */
export async function findNetworkFilesystem(folder: string): Promise<string | undefined> {
  if (/^\\\\[^?.]/u.test(folder)) return 'network path'
  if (process.platform !== 'linux') return undefined
  const type = await filesystemType(folder)
  if (type !== FUSE_TYPE) return NETWORK_TYPES.get(type)
  return networkFuse(await mountTypeOf(folder))
}

/** Sshfs, rclone, s3fs and unknown ones are taken for remote; a block device behind FUSE (ntfs-3g) is local. */
function networkFuse(mountType: string | undefined): string | undefined {
  const local = mountType === 'fuseblk' || mountType === 'fuse.mergerfs' || mountType === 'fuse.bindfs'
  return local ? undefined : (mountType ?? 'fuse')
}

async function filesystemType(folder: string): Promise<number> {
  try {
    // A signed 32-bit value on some machines.
    return (await statfs(folder)).type >>> 0
  } catch (error) {
    const parent = dirname(folder)
    if (systemCode(error) !== 'ENOENT' || parent === folder) throw error
    return filesystemType(parent)
  }
}

async function mountTypeOf(folder: string): Promise<string | undefined> {
  return mountType(await readFile('/proc/self/mountinfo', 'utf8'), folder)
}

/**
 * The filesystem's name at the longest mount point above `folder`, of the text of `/proc/self/mountinfo`
 * (proc(5)): `36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw`.
 */
export function mountType(mountinfo: string, folder: string): string | undefined {
  let best: { readonly point: string; readonly type: string } | undefined
  for (const line of mountinfo.split('\n')) {
    const [mount = '', source = ''] = line.split(' - ')
    const point = (mount.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/gu, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const type = source.split(' ')[0] ?? ''
    const isAbove = point !== '' && `${folder}/`.startsWith(point.endsWith('/') ? point : `${point}/`)
    // The later line wins between equals: it is mounted over the earlier one.
    if (isAbove && point.length >= (best?.point.length ?? 0)) best = { point, type }
  }
  return best?.type
}
