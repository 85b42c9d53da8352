/**
 * What control groups allow this process, read from the texts that the kernel shows.
 *
 * A limit may stand at any level between the process's own group and the root, and each level has a use of its own
 * that includes its other children: a roomy group inside a tight one is tight. So every level is a candidate. Both
 * versions may be mounted at once (hybrid); a level without a limit says nothing. Nothing here touches the disk but
 * through the `ReadText` that it is given.
 *
 * Use is counted without the pages that the kernel takes back when they are wanted: both file lists, not only the
 * inactive one that Kubernetes subtracts. A file read twice (hash, then metadata) lies in the active list: 200 MB read
 * thrice moved `active_file` by 200 MB and `inactive_file` by none (Linux 6.18, 2026-11), and a photo library would
 * look like a leak. Pages that wait to be written are not free, nor are `tmpfs` pages, which are in neither list.
 *
 * @module
 */

/** The text of a file, or undefined when it is missing or cannot be read. */
export type ReadText = (path: string) => string | undefined

/** One limit and how much of it is in use. */
export interface MemoryBound {
  readonly limitBytes: number
  /** Without what can be taken back at once. */
  readonly usedBytes: number
  readonly source: 'cgroup-v2' | 'cgroup-v1' | 'host'
  /** Share of the last 10 s in which everything stood still for want of memory, if the kernel says. */
  readonly stalledPercent?: number
}

/** Where a hierarchy is mounted, and which of its groups appears there. */
interface Mount {
  readonly root: string
  readonly mountPoint: string
}

/** Where the process's own group and its ancestors are to be found, the process's own first. */
export interface CgroupFolders {
  readonly v2: readonly string[]
  readonly v1: readonly string[]
}

/** No hierarchy is deeper in practice; the walk ends here whatever the texts say. */
const MAX_DEPTH = 64

/**
 * The folders of this process's memory groups, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
 *
 * In a container without a namespace of its own the path of the group is the host's and the mount shows only its end:
 * the part in front is cut off. A path that leaves the namespace (`/../..`) stands for the mount itself.
 */
export function findCgroupFolders(cgroup: string, mountinfo: string): CgroupFolders {
  const paths = parseCgroupPaths(cgroup)
  const mounts = parseCgroupMounts(mountinfo)
  return { v2: foldersOf(paths.v2, mounts.v2), v1: foldersOf(paths.v1, mounts.v1) }
}

function foldersOf(path: string | undefined, mount: Mount | undefined): string[] {
  if (path === undefined || mount === undefined) return []
  const segments = pathBelow(path, mount.root).split('/').filter(Boolean).slice(-MAX_DEPTH)
  const folders: string[] = []
  for (let length = segments.length; length >= 0; length -= 1) {
    folders.push([mount.mountPoint.replace(/\/$/u, ''), ...segments.slice(0, length)].join('/'))
  }
  return folders
}

function pathBelow(path: string, root: string): string {
  if (path.split('/').includes('..')) return ''
  if (root === '/') return path
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : ''
}

/** Lines such as `0::/user.slice/app.scope` (version 2) and `4:memory:/docker/ab12` (version 1). */
function parseCgroupPaths(text: string): { v1?: string; v2?: string } {
  const paths: { v1?: string; v2?: string } = {}
  for (const line of text.split('\n')) {
    const { id, controllers, path } =
      /^(?<id>\d+):(?<controllers>[^:]*):(?<path>\/.*)$/u.exec(line)?.groups ?? {}
    if (path === undefined) continue
    if (id === '0' && controllers === '') paths.v2 = path
    else if (controllers?.split(',').includes('memory')) paths.v1 = path
  }
  return paths
}

/** `31 23 0:28 /root /mount/point rw … - cgroup2 source rw,memory`; spaces in paths are written `\040`. */
function parseCgroupMounts(text: string): { v1?: Mount; v2?: Mount } {
  const mounts: { v1?: Mount; v2?: Mount } = {}
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , root, mountPoint] = left.split(' ')
    const [type, , superOptions = ''] = right.split(' ')
    if (root === undefined || mountPoint === undefined) continue
    const mount = { root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint) }
    if (type === 'cgroup2') mounts.v2 ??= mount
    else if (type === 'cgroup' && superOptions.split(',').includes('memory')) mounts.v1 ??= mount
  }
  return mounts
}

function unescapeOctal(text: string): string {
  return text.replace(/\\(?<code>[0-7]{3})/gu, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  )
}

/**
 * The bound of one group of version 2; undefined when it has no limit or no memory controller.
 *
 * `memory.high` counts like `memory.max`: above it the kernel slows the group down until it is below again.
 */
export function readCgroupV2(folder: string, read: ReadText): MemoryBound | undefined {
  const limits = ['memory.max', 'memory.high'].map((name) => parseLimit(read(`${folder}/${name}`)))
  const limitBytes = Math.min(...limits)
  const current = parseCount(read(`${folder}/memory.current`))
  if (!Number.isFinite(limitBytes) || current === undefined) return undefined
  const stat = parseFlatKeyed(read(`${folder}/memory.stat`) ?? '')
  const slab = stat.get('slab_reclaimable') ?? 0
  const usedBytes = Math.max(0, current - reclaimableFileBytes(stat, V2_KEYS) - slab)
  const stalledPercent = parsePressure(read(`${folder}/memory.pressure`))
  return {
    limitBytes,
    usedBytes,
    source: 'cgroup-v2',
    ...(stalledPercent === undefined ? {} : { stalledPercent }),
  }
}

/** The bound of one group of version 1; undefined when it has no limit. */
export function readCgroupV1(folder: string, read: ReadText): MemoryBound | undefined {
  const limitBytes = parseLimit(read(`${folder}/memory.limit_in_bytes`))
  const usedBytes = usedV1(folder, read)
  if (!Number.isFinite(limitBytes) || usedBytes === undefined) return undefined
  return { limitBytes, usedBytes, source: 'cgroup-v1' }
}

/**
 * The limit that version 1 knows of from groups above the mount, which cannot be read themselves. Their use is
 * unknown; that of the highest group in sight is the nearest.
 *
 * @param folders - Own group first, highest last.
 */
export function readHierarchicalV1(folders: readonly string[], read: ReadText): MemoryBound | undefined {
  const [own] = folders
  const highest = folders.at(-1)
  if (own === undefined || highest === undefined) return undefined
  const stat = parseFlatKeyed(read(`${own}/memory.stat`) ?? '')
  const limitBytes = stat.get('hierarchical_memory_limit')
  const usedBytes = usedV1(highest, read)
  if (limitBytes === undefined || usedBytes === undefined) return undefined
  return { limitBytes, usedBytes, source: 'cgroup-v1' }
}

function usedV1(folder: string, read: ReadText): number | undefined {
  const usage = parseCount(read(`${folder}/memory.usage_in_bytes`))
  if (usage === undefined) return undefined
  const stat = parseFlatKeyed(read(`${folder}/memory.stat`) ?? '')
  return Math.max(0, usage - reclaimableFileBytes(stat, V1_KEYS))
}

const V2_KEYS = {
  lists: ['inactive_file', 'active_file'],
  pending: ['file_dirty', 'file_writeback'],
} as const
const V1_KEYS = {
  lists: ['total_inactive_file', 'total_active_file'],
  pending: ['total_dirty', 'total_writeback'],
} as const

function reclaimableFileBytes(
  stat: ReadonlyMap<string, number>,
  keys: { readonly lists: readonly string[]; readonly pending: readonly string[] },
): number {
  const sum = (names: readonly string[]): number =>
    names.reduce((total, name) => total + (stat.get(name) ?? 0), 0)
  return Math.max(0, sum(keys.lists) - sum(keys.pending))
}

/** A count of bytes; `max` and a missing file are no limit. 0 is a limit that an operator may have set. */
function parseLimit(text: string | undefined): number {
  return parseCount(text) ?? Number.POSITIVE_INFINITY
}

function parseCount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  return /^\d+$/u.test(trimmed) ? Number(trimmed) : undefined
}

/** Lines of a name and a number, as in `memory.stat`. */
function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const { name, value } = /^(?<name>\S+) (?<value>\d+)$/u.exec(line)?.groups ?? {}
    if (name !== undefined) values.set(name, Number(value))
  }
  return values
}

/** `avg10` of the line `full` in a pressure file; undefined when there is none. */
export function parsePressure(text: string | undefined): number | undefined {
  const value = /^full avg10=(?<value>\d+(?:\.\d+)?)/mu.exec(text ?? '')?.groups?.['value']
  return value === undefined ? undefined : Number(value)
}
