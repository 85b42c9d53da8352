/**
 * Converts the `config.yaml` of immich-autotag into a rules file.
 *
 * What it said and did not do (filters, removing source albums) is done now, and remarked; so is what has no counterpart.
 * The key is never copied.
 *
 * @module
 */

import { Document, isMap, isSeq } from 'yaml'
import { isZone } from '../../../media/zones.ts'
import { oneOrAll, type Plain, type Remark, toPredicate, toRegexText } from './import-rule.ts'
import { toSharing } from './import-sharing.ts'
import {
  isOn,
  type OldBlock,
  parseOldConfig,
  toBlock,
  toList,
  toText,
  toTexts,
  unknownKeysOf,
} from './old-config.ts'
import { isTagPath } from './read-ensured.ts'

export interface ImportedConfig {
  /** A rules file. */
  readonly yaml: string
  /** What a person should look at, in sentences. */
  readonly remarks: readonly string[]
}

/** A rule with what was said of it, for a comment above it. */
interface Commented {
  readonly plain: Plain
  readonly comment: string | undefined
}

/**
 * Converts a `config.yaml` (or the `user_config_dump.yaml` of a run).
 *
 * @throws {@link NoConfigError} when it is none.
 */
export function importAutotagConfig(text: string): ImportedConfig {
  const config = parseOldConfig(text)
  const remarks = new Set<string>()
  const remark: Remark = (says) => remarks.add(toOneLine(says))
  for (const key of unknownKeysOf(config)) remark(`${key} is unknown and was left out`)
  const moves = toMoves(toBlock(config['conversions']), remark)
  const categories = toCategories(toBlock(config['classification']), remark)
  const plain: Record<string, unknown> = {
    version: 1,
    server: toServer(toBlock(config['server']), remark),
    scope: toScope(toBlock(config['filters']), remark),
    ...toDates(config, remark),
    moves: moves.map((move) => move.plain),
    categories: categories.plain,
    duplicates: toDuplicates(config, remark),
    albums: toAlbums(config, remark),
    checks: toChecks(config, remark),
    sharing: toSharingBlock(config, remark),
  }
  remarkOthers(config, remark)
  const yaml = toYaml(plain, { moves: moves.map(({ comment }) => comment), categories: categories.comments })
  return hideKey({ yaml, remarks: [...remarks] }, toText(toBlock(config['server'])['api_key']))
}

function toServer(server: OldBlock, remark: Remark): Plain {
  const host = toText(server['host'])
  const url = `http://${host}:${toText(server['port']) ?? '2283'}`
  remark(`The key was not copied: set IMMICH_KEY in the environment`)
  const key = `\${IMMICH_KEY}`
  if (host === undefined || !/^[\w.:[\]-]+$/u.test(host) || !URL.canParse(url)) {
    remark('server.host is no address of a server: write server.url yourself')
    return { key }
  }
  remark(`The server is asked at ${url}; write https:// if it has a certificate`)
  return { url, key }
}

/** Filters were read and mostly ignored. */
function toScope(filters: OldBlock, remark: Remark): Plain {
  const read = (key: string): readonly Plain[] =>
    toList(filters[key]).flatMap((rule, index): readonly Plain[] => {
      const predicate = toPredicate(toBlock(rule), `filters.${key}[${index}]`, remark)
      return predicate === undefined ? [] : [predicate]
    })
  const inside = read('filter_in')
  const outside = read('filter_out')
  if (inside.length + outside.length > 0) {
    remark('Filters count now; before, only asset_links of filter_in did')
  }
  if (inside.length === 0 && toList(filters['filter_in']).length > 0) {
    remark(
      'Nothing of filter_in could be kept, so ALL assets are looked at: write scope.where before you apply',
    )
  }
  const where = [
    ...(inside.length > 0 ? [inside.length === 1 ? inside[0] : { any: inside }] : []),
    ...(outside.length > 0 ? [{ not: outside.length === 1 ? outside[0] : { any: outside } }] : []),
  ]
  const visibility = ['timeline', 'archive']
  return where.length === 0
    ? { visibility }
    : { visibility, where: where.length === 1 ? where[0] : { all: where } }
}

function toMoves(conversions: OldBlock, remark: Remark): readonly Commented[] {
  const list = toList(conversions['conversions']).map(toBlock)
  if (list.length > 0 && !isOn(conversions['enabled'])) {
    remark('Conversions were switched off and were left out')
    return []
  }
  const ids = createIds('move')
  return list.flatMap((conversion, index) => toMove(conversion, index, ids, remark) ?? [])
}

function toMove(conversion: OldBlock, index: number, ids: Ids, remark: Remark): Commented | undefined {
  const name = `conversions[${index}]`
  const source = toBlock(conversion['source'])
  const from = toPredicate(source, `${name}.source`, remark)
  const destination = toBlock(conversion['destination'])
  const tags = toTags(destination['tag_names'], `${name}.destination`, remark)
  const albums = toTexts(destination['album_names']).map(toTemplateText)
  if (from === undefined) return undefined
  if (tags.length + albums.length === 0) {
    remark(`${name}: it has no destination and was left out`)
    return undefined
  }
  const mode = modeOf(conversion['mode'])
  if (albums.length > 0) remark(`${name}: albums that are missing are made now; before, it was skipped`)
  if (mode === 'move' && toTexts(source['album_name_patterns']).length > 0) {
    remark(
      `${name}: assets leave the source albums now; before, they stayed in them. Write mode: copy to keep them`,
    )
  }
  const to = {
    ...(tags.length > 0 && { tag: oneOrAll(tags) }),
    ...(albums.length > 0 && { album: oneOrAll(albums) }),
  }
  const comment = toText(conversion['description'])
  return { plain: { id: ids(comment ?? ''), from, to, mode, create: true }, comment }
}

/** `move`, or the value inside of Python's own tag for it. */
function modeOf(value: unknown): 'move' | 'copy' {
  const text = toText(Array.isArray(value) ? value[0] : value) ?? 'move'
  return /copy$/iu.test(text) ? 'copy' : 'move'
}

function toCategories(
  classification: OldBlock,
  remark: Remark,
): { readonly plain: Plain | undefined; readonly comments: readonly (string | undefined)[] } {
  const ids = createIds('category')
  const list = toList(classification['rules']).flatMap((value, index): readonly Commented[] => {
    const rule = toBlock(value)
    const is = toPredicate(rule, `classification.rules[${index}]`, remark)
    const comment = toText(rule['description'])
    const name = comment ?? toText(rule['name']) ?? toTexts(rule['tag_names'])[0] ?? ''
    return is === undefined ? [] : [{ plain: { id: ids(name), is }, comment }]
  })
  if (list.length === 0) return { plain: undefined, comments: [] }
  const unsorted = ensureTag(classification['autotag_unknown'] ?? 'autotag_output_unknown', remark)
  const clash = ensureTag(classification['autotag_conflict'] ?? 'autotag_output_conflict', remark)
  remark('An asset with a tag below a named tag counts as having it')
  const plain = {
    exactly: 'one',
    ...(unsorted && { unsorted }),
    ...(clash && { clash: { ...clash, also: 'several-albums' } }),
    list: list.map((category) => category.plain),
  }
  return { plain, comments: list.map(({ comment }) => comment) }
}

/** The formats that it knew, and how it weighed them. */
const NAME_PATTERNS: Plain = {
  android: { file: '/(?<d>\\d{8})[_-](?<t>\\d{6})/', precision: 'second', zone: 'local' },
  iphone: {
    file: '/(?<d>\\d{4}-\\d\\d-\\d\\d)[_-](?<t>\\d\\d[-_]\\d\\d[-_]\\d\\d)/',
    precision: 'second',
    zone: 'local',
  },
  whatsapp: { path: '/(?:IMG|VID)[-_]?(?<d>\\d{8})-WA\\d+/i', precision: 'day' },
  'whatsapp-long': {
    path: '/WhatsApp (?:Image|Video) (?<d>\\d{4}-\\d\\d-\\d\\d) at (?<t>\\d\\d\\.\\d\\d\\.\\d\\d)/i',
    precision: 'second',
    zone: 'local',
  },
}

function toDates(config: OldBlock, remark: Remark): Plain {
  const correction = toBlock(toBlock(config['duplicate_processing'])['date_correction'])
  const zone = toText(correction['extraction_timezone'])
  const isKnown = zone !== undefined && isZone(zone)
  if (zone !== undefined && !isKnown) remark(`The time zone "${zone}" is unknown: write time.zone yourself`)
  const time = isKnown ? { time: { zone } } : {}
  if (correction['enabled'] !== true) return time
  remark(
    'Dates are compared with the date in EXIF now; before, with the oldest of upload, file and local time',
  )
  return {
    ...time,
    patterns: NAME_PATTERNS,
    dates: {
      sources: ['exif', 'duplicates', { patterns: Object.keys(NAME_PATTERNS) }],
      accept: { only: 'earlier', by: '26h', 'better-precision': true, 'same-day-keeps-time': true },
    },
  }
}

function toDuplicates(config: OldBlock, remark: Remark): Plain | undefined {
  if (config['duplicate_processing'] === undefined) return undefined
  const block = toBlock(config['duplicate_processing'])
  const fallback = 'autotag_output_duplicate_asset_album_conflict'
  const conflict = ensureTag(block['autotag_album_conflict'] ?? fallback, remark)
  remark(
    'Duplicates have one tag for conflicts of albums and categories, and none for each group: the plan lists those',
  )
  return {
    carry: { tags: 'union-of-category', albums: 'category-albums' },
    to: 'each',
    ...(conflict && { conflict }),
  }
}

/** A folder with a date and a name, or with a date and a folder below it; never the last folder with a bare date. */
const DATED_FOLDER = '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d(?:[^\\/]+|\\/[^\\/]+))\\//'

function toAlbums(config: OldBlock, remark: Remark): readonly Plain[] {
  const folders = toBlock(config['album_detection_from_folders'])
  const albums: Plain[] = []
  if (folders['enabled'] === true) albums.push(toFolderAlbum(config, folders, remark))
  if (config['create_album_from_date_if_missing'] === true) {
    remark('Albums of days no longer count as sorted (holding: true)')
    albums.push({
      id: 'days',
      where: { category: 'none' },
      into: '{taken:yyyy-MM-dd}-autotag-temp-unclassified',
      holding: true,
      'max-span': '30d',
      'delete-empty': true,
    })
  }
  return albums
}

function toFolderAlbum(config: OldBlock, folders: OldBlock, remark: Remark): Plain {
  const fallback = 'autotag_output_album_detection_conflict'
  const tag = toBlock(config['duplicate_processing'])['autotag_album_detection_conflict'] ?? fallback
  const several = ensureTag(tag, remark)
  const name = 'album_detection_from_folders.excluded_paths'
  const excluded = toTexts(folders['excluded_paths']).flatMap(
    (path) => toRegexText(path, 'search', name, remark) ?? [],
  )
  remark('Albums of folders are made whether or not their name is that of a category')
  return {
    id: 'folders',
    where: { category: 'none', path: DATED_FOLDER, ...(excluded.length > 0 && { not: { path: excluded } }) },
    into: '{match.name}',
    depth: 3,
    ...(several && { several }),
  }
}

function toChecks(config: OldBlock, remark: Remark): readonly Plain[] {
  const block = toBlock(config['album_date_consistency'])
  if (config['album_date_consistency'] === undefined || !isOn(block['enabled'])) return []
  const days = toText(block['threshold_days']) ?? '180'
  const isCount = /^\d{1,6}$/u.test(days)
  if (!isCount) remark(`album_date_consistency.threshold_days "${days}" is no count of days, 180 was taken`)
  const tag = block['autotag_album_date_mismatch'] ?? 'autotag_output_album_date_mismatch'
  const ensure = ensureTag(tag, remark)
  return ensure === undefined
    ? []
    : [{ id: 'album-date', when: { 'album-date-differs': `${isCount ? days : '180'}d` }, ...ensure }]
}

function toSharingBlock(config: OldBlock, remark: Remark): Plain | undefined {
  const block = toBlock(config['album_permissions'])
  if (block['enabled'] !== true) {
    if (toList(block['selection_rules']).length > 0) remark('Permissions were switched off and were left out')
    return undefined
  }
  const sharing = toSharing(block, remark)
  if (sharing === undefined) return undefined
  remark('An address that nobody on the server has stops a rule now; before, it took access away')
  return { groups: sharing.groups, unresolved: 'stop', list: sharing.list, merge: 'last' }
}

function remarkOthers(config: OldBlock, remark: Remark): void {
  const skip = toBlock(config['skip'])
  const performance = toBlock(config['performance'])
  if (toText(skip['skip_n'] ?? 0) !== '0' || toText(skip['max_items']) !== undefined) {
    remark('skip is not needed any more and was left out: all assets are looked at')
  }
  if (config['enable_album_name_strip'] === true)
    remark('enable_album_name_strip did nothing and was left out')
  if (performance['fail_fast_on_asset_errors'] === true) {
    remark('fail_fast_on_asset_errors has no counterpart: plans are decided before anything is changed')
  }
}

/** `{ ensure: { tag } }`; undefined, and remarked, for what cannot be a tag. */
function ensureTag(value: unknown, remark: Remark): { readonly ensure: Plain } | undefined {
  const [tag] = toTags([value], 'output tag', remark)
  return tag === undefined ? undefined : { ensure: { tag } }
}

function toTags(value: unknown, name: string, remark: Remark): readonly string[] {
  return toTexts(value).filter((tag) => {
    if (!isTagPath(tag)) remark(`${name}: "${tag}" cannot be set as a tag and was left out`)
    return isTagPath(tag)
  })
}

/** Braces mean something in names of albums now. */
function toTemplateText(name: string): string {
  return name.replaceAll(/[{}]/gu, '$&$&')
}

type Ids = (name: string) => string

/** Ids out of descriptions, each once. */
function createIds(fallback: string): Ids {
  const taken = new Set(['none', 'several'])
  return (name) => {
    const slug = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/gu, '-')
      .replaceAll(/^-+/gu, '')
      .slice(0, 40)
      .replaceAll(/-+$/gu, '')
    const stem = slug === '' ? fallback : slug
    let id = slug === '' ? `${stem}-1` : stem
    for (let count = 2; taken.has(id); count += 1) id = `${stem}-${count}`
    taken.add(id)
    return id
  }
}

/** Blocks that are empty are left out; descriptions become comments. */
function toYaml(
  plain: Plain,
  comments: {
    readonly moves: readonly (string | undefined)[]
    readonly categories: readonly (string | undefined)[]
  },
): string {
  const isFull = (value: unknown): boolean =>
    value !== undefined && !(Array.isArray(value) && value.length === 0)
  const full = Object.fromEntries(Object.entries(plain).filter(([, value]) => isFull(value)))
  const document = new Document(full, { aliasDuplicateObjects: false })
  document.commentBefore =
    ' Converted from a config.yaml of immich-autotag. Look at the plan before anything is applied.'
  commentItems(document.getIn(['moves'], true), comments.moves)
  commentItems(document.getIn(['categories', 'list'], true), comments.categories)
  return document.toString({ lineWidth: 0 })
}

function commentItems(list: unknown, comments: readonly (string | undefined)[]): void {
  if (!isSeq(list)) return
  for (const [index, item] of list.items.entries()) {
    const comment = comments[index]
    if (comment !== undefined && isMap(item)) item.commentBefore = ` ${toOneLine(comment)}`
  }
}

function toOneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** Somebody may have written the key into a description too. */
function hideKey({ yaml, remarks }: ImportedConfig, key: string | undefined): ImportedConfig {
  if (key === undefined || key.length < 8) return { yaml, remarks }
  return { yaml: yaml.replaceAll(key, '***'), remarks: remarks.map((text) => text.replaceAll(key, '***')) }
}
