/**
 * Which folders are albums, years or states, told by their content first and by their names second.
 *
 * @module
 */

import type { Album } from '../media-item.ts'
import type { FolderContents } from './contents.ts'
import { nameKey } from './names.ts'
import type { AlbumFacts } from './sidecar.ts'
import {
  isContainer,
  isUntitled,
  lonelyYear,
  type SpecialFolder,
  specialFolder,
  yearOfFolder,
} from './words.ts'

/** What being in a folder means for a picture. At most one of them is set. */
export interface FolderMeaning {
  readonly album?: Album
  readonly year?: number
  readonly special?: SpecialFolder
  /** True for an album whose title no JSON tells, though it must have one. */
  readonly isUndescribed: boolean
}

/** Folders that Takeout made of days until about 2018: `2016-07-08`, `2016-07-08 #2`. */
const DAY_FOLDER = /^\d{4}-\d{2}-\d{2}(?:-\d{2})?(?: #\d+)?$/u

const NO_MEANING: FolderMeaning = Object.freeze({ isUndescribed: false })

/**
 * @param memoryTitles - Album titles as the user typed them, for folders whose names lost their quotes.
 */
export function meaningOf(contents: FolderContents, memoryTitles: readonly string[]): FolderMeaning {
  const { folder, albums } = contents
  const facts = albums
    .map((album) => album.facts)
    .toSorted((a, b) => Number(b.title !== '') - Number(a.title !== ''))[0]
  const year = yearOfFolder(folder.name)
  if (year !== undefined && !hasUserTitle(facts, folder.name)) return { year, isUndescribed: false }
  const special = specialFolder(folder.name)
  if (special !== undefined && !hasUserTitle(facts, folder.name)) return { special, isUndescribed: false }
  const lonely = facts === undefined ? lonelyYear(folder.name) : undefined
  if (lonely !== undefined && mostlyIn(lonely, contents)) return { year: lonely, isUndescribed: false }
  if (isNoAlbum(contents, facts)) return NO_MEANING
  const title = facts?.title || memoryTitle(folder.name, memoryTitles) || folder.name.trim()
  return {
    album: { key: folder.path, title, ...details(facts) },
    isUndescribed: facts === undefined && !isUntitled(folder.name),
  }
}

/** The container itself, an empty folder, and one that stands for a day. */
function isNoAlbum({ folder, media, assets }: FolderContents, facts: AlbumFacts | undefined): boolean {
  if (isContainer(folder.name)) return true
  if ((facts?.title ?? '') === '' && DAY_FOLDER.test(folder.name)) return true
  return facts === undefined && (folder.key === '' || media.length + assets.length === 0)
}

/** A folder of Google's own may have an album file too: titled as the folder, or not at all. */
function hasUserTitle(facts: AlbumFacts | undefined, folder: string): boolean {
  const title = facts?.title ?? ''
  return title !== '' && nameKey(title) !== nameKey(folder.trim()) && yearOfFolder(title) === undefined
}

function details(facts: AlbumFacts | undefined): Pick<Album, 'description' | 'position'> {
  return {
    ...(facts?.description !== undefined && { description: facts.description }),
    ...(facts?.position && { position: facts.position }),
  }
}

/** At least three quarters of the known times lie in the year, a day more on both sides for the time zones. */
function mostlyIn(year: number, { assets }: FolderContents): boolean {
  const dayMs = 86_400_000
  const times = assets.flatMap(({ takenAt }) => takenAt ?? [])
  const from = Date.UTC(year, 0, 1) - dayMs
  const to = Date.UTC(year + 1, 0, 1) + dayMs
  const inside = times.filter((at) => at >= from && at < to)
  return times.length > 0 && inside.length >= times.length * 0.75
}

function memoryTitle(folder: string, titles: readonly string[]): string | undefined {
  const bare = (text: string): string => nameKey(text).replace(/[_\s"“”„«»]+/gu, '')
  const wanted = bare(folder)
  return wanted === '' ? undefined : titles.find((title) => bare(title) === wanted)
}
