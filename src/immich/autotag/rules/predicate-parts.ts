/**
 * What predicates are made of: their parts, and the texts of an asset that they look at.
 *
 * @module
 */

import type { AssetView } from '../asset-view.ts'
import type { Predicate, TextField } from '../rules.ts'

/** The predicates that one is made of; empty for a plain one. */
export function partsOf(predicate: Predicate): readonly Predicate[] {
  if (predicate.kind === 'all' || predicate.kind === 'any') return predicate.of
  return predicate.kind === 'not' ? [predicate.of] : []
}

/** All plain predicates in one, and whether they stand under an odd number of `not`. */
export function* leavesOf(
  predicate: Predicate,
  isNegated = false,
): Generator<{ readonly leaf: Predicate; readonly isNegated: boolean }> {
  if (predicate.kind === 'all' || predicate.kind === 'any' || predicate.kind === 'not') {
    const inner = predicate.kind === 'not' ? !isNegated : isNegated
    for (const part of partsOf(predicate)) yield* leavesOf(part, inner)
  } else yield { leaf: predicate, isNegated }
}

const NO_TEXTS: readonly string[] = []

/** The texts of an asset that a pattern of a field is compared with; of tags also those above them. */
export function textsOf(field: TextField, view: AssetView): Iterable<string> {
  if (field === 'tag') return withAllParents(view.tags)
  if (field === 'album') return view.albums
  const text = plainTextOf(field, view)
  return text === undefined || text === '' ? NO_TEXTS : [text]
}

/** Many assets have the same tags, and every rule asks for them. */
const expanded = new WeakMap<Iterable<string>, readonly string[]>()

function withAllParents(tags: Iterable<string>): readonly string[] {
  if (!Array.isArray(tags)) return [...tags].flatMap((tag) => [...withParents(tag)])
  if (tags.length === 0) return NO_TEXTS
  let all = expanded.get(tags)
  if (all === undefined) {
    all = tags.flatMap((tag: string) => [...withParents(tag)])
    expanded.set(tags, all)
  }
  return all
}

function plainTextOf(field: Exclude<TextField, 'tag' | 'album'>, { asset }: AssetView): string | undefined {
  switch (field) {
    case 'path':
      return asset.path
    case 'file':
      return asset.fileName
    case 'camera':
      return cameraOf(asset.camera)
    case 'description':
      return asset.description
    case 'city':
    case 'state':
    case 'country':
      return asset.place[field]
  }
}

function cameraOf({ make = '', model = '' }: AssetView['asset']['camera']): string {
  return make === '' || model === '' ? make + model : `${make} ${model}`
}

/** `a/b/c`, `a/b`, `a`. */
export function* withParents(tag: string): Generator<string> {
  yield tag
  for (let at = tag.lastIndexOf('/'); at > 0; at = tag.lastIndexOf('/', at - 1)) yield tag.slice(0, at)
}
