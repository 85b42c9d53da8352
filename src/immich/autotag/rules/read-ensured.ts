/**
 * Tags and albums that rules hold: `ensure: {tag: auto/look}`, `to: {tag: kind/scan, album: Paper scans}`.
 *
 * @module
 */

import type { AlbumTarget, Ensured } from '../rules.ts'
import { type Fields, isMapping, type Place, readFields, readItems, readText, report } from './place.ts'
import { readTemplate } from './values.ts'

export const NOTHING_ENSURED: Ensured = Object.freeze({ tags: Object.freeze([]), albums: Object.freeze([]) })

const TARGET_WORDS = ['tag', 'album'] as const

/** `{ tag: …, album: … }`, each one or a list. */
export function readTargets(place: Place): Ensured {
  const fields = readFields(place, TARGET_WORDS)
  if (fields === undefined) return NOTHING_ENSURED
  if (fields.tag === undefined && fields.album === undefined)
    report(place, 'names neither a tag nor an album')
  return {
    tags: fields.tag === undefined ? [] : readItems(fields.tag).flatMap((item) => readTagName(item) ?? []),
    albums:
      fields.album === undefined ? [] : readItems(fields.album).flatMap((item) => readAlbum(item) ?? []),
  }
}

/** `{ ensure: { tag: … } }`. */
export function readEnsure(place: Place | undefined): Ensured {
  const fields = place === undefined ? undefined : readFields(place, ['ensure'])
  return fields === undefined || place === undefined ? NOTHING_ENSURED : readEnsureField(place, fields)
}

/** The same where other words stand beside it. */
export function readEnsureField(place: Place, fields: Fields<'ensure'>): Ensured {
  if (fields.ensure !== undefined) return readTargets(fields.ensure)
  report(place, 'ensure is missing', 'Write { ensure: { tag: name-of-the-tag } }.')
  return NOTHING_ENSURED
}

/** The whole path of one tag: the server divides at `/`. */
function readTagName(place: Place): string | undefined {
  const tag = readText(place)
  if (tag === undefined) return undefined
  if (isTagPath(tag)) return tag
  const hint = 'Name one tag, such as kind/scan, without * ? { } and without blanks around the /.'
  report(place, `"${tag}" cannot be set as a tag`, hint)
  return undefined
}

/** Whether a text can be the whole path of one tag. */
export function isTagPath(tag: string): boolean {
  return !/[*?{}]/u.test(tag) && tag.split('/').every((part) => part !== '' && part === part.trim())
}

function readAlbum(place: Place): AlbumTarget | undefined {
  if (!isMapping(place)) return toNamed(place)
  const fields = readFields(place, ['id', 'name'])
  if (fields === undefined) return undefined
  if (fields.id !== undefined && fields.name !== undefined) report(place, 'has both an id and a name')
  if (fields.id !== undefined) return readAlbumId(fields.id)
  if (fields.name !== undefined) return toNamed(fields.name)
  report(place, 'has neither an id nor a name')
  return undefined
}

function toNamed(place: Place): AlbumTarget | undefined {
  const name = readTemplate(place)
  return name === undefined ? undefined : { by: 'name', name }
}

function readAlbumId(place: Place): AlbumTarget | undefined {
  const id = readText(place)?.toLowerCase()
  if (id === undefined) return undefined
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(id)) return { by: 'id', id }
  report(place, `"${id}" is no id of an album`, 'Copy it from the address of the album in the browser.')
  return undefined
}
