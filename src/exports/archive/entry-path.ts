/**
 * Makes an archive's own spelling of a name into a path inside the export, or says why it cannot be one.
 *
 * Entries are never unpacked to their own names, so a hostile name could do no harm here; it is refused all the
 * same, because paths travel on into reports, sidecars and other programs. Nothing here touches the disk.
 *
 * @module
 */

/** PATH_MAX of Linux, and far beyond what any export writes; keeps a directory of long names from filling memory. */
const MAX_PATH_LENGTH = 4096

/** A path inside the export, or the reason why there is none. */
export type EntryPath =
  | { readonly path: string; readonly isFolder: boolean; readonly hadBackslash: boolean }
  | { readonly refused: string }

/**
 * Empty and `.` segments go (`./Takeout//a.jpg`), backslashes become slashes, as some programs on Windows write
 * them; a name that would leave the export is refused.
 */
export function toEntryPath(name: string): EntryPath {
  if (name.includes('\0')) return { refused: 'its name holds a NUL character' }
  if (name.length > MAX_PATH_LENGTH) return { refused: `its name has ${name.length} characters` }
  const hadBackslash = name.includes('\\')
  const slashed = hadBackslash ? name.replaceAll('\\', '/') : name
  if (slashed.startsWith('/')) return { refused: 'its name is an absolute path' }
  if (/^[a-z]:/iu.test(slashed)) return { refused: 'its name begins with a drive letter' }
  if (slashed === '') return { refused: 'it has no name' }
  if (!NEEDS_WORK.test(slashed)) return { path: slashed, isFolder: false, hadBackslash }
  const segments = slashed.split('/')
  if (segments.includes('..')) return { refused: 'its name leads out of the archive (..)' }
  const path = segments.filter((segment) => segment !== '' && segment !== '.').join('/')
  return { path, isFolder: /(?:^|\/)\.?$/u.test(slashed), hadBackslash }
}

/** Some segment is empty, `.` or `..`: everything that a plain relative path has not. */
const NEEDS_WORK = /(?:^|\/)\.{0,2}(?:\/|$)/u

/** `a/b.jpg` → `a/b (copy 2).jpg`, the first number from 2 on that `isTaken` does not know. */
export function distinctPath(path: string, isTaken: (path: string) => boolean): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  const cut = dot > 0 ? path.length - (name.length - dot) : path.length
  for (let number = 2; ; number += 1) {
    const candidate = `${path.slice(0, cut)} (copy ${number})${path.slice(cut)}`
    if (!isTaken(candidate)) return candidate
  }
}
