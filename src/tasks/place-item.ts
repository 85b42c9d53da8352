/**
 * The `item` task's handler: reads every copy once, proves which are equal, and places one of each content.
 *
 * The database is not seen here: what is written lies under temporary names until the coordinator has
 * committed the result.
 *
 * @module
 */

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { toErrorRecord } from '../errors.ts'
import { type ItemFacts, mergeFacts } from '../exports/group-items.ts'
import type { TaskContext } from '../queue/handler.ts'
import { tempName } from '../storage/storage.ts'
import type { CopyResult, ItemCopy, ItemPart, ItemPayload, ItemResult, PartResult } from './item.ts'
import { NotMediaError, type PlaceTools, placeContent, type Wanted } from './place-content.ts'
import { EmptySourceError, hashSource, readSource, type SourceContent, SourceError } from './source-file.ts'
import { syncTemps } from './temp-file.ts'

export async function placeItem(
  payload: ItemPayload,
  context: TaskContext,
  tools: PlaceTools,
): Promise<ItemResult> {
  const { tempFolder } = payload.options
  const { taskId, attempt, signal } = context
  try {
    const parts: PartResult[] = []
    for (const [index, part] of payload.parts.entries()) {
      const temp = join(tempFolder, tempName({ taskId, attempt, index }))
      parts.push(await placePart(part, payload, temp, { ...tools, signal }))
    }
    // Nothing is computed from here on: the next task may have the process while the disk is busy with this one.
    context.yieldTurn()
    await syncTemps(tempsOf(parts).map((name) => join(tempFolder, name)))
    return { parts }
  } catch (error) {
    removeTemps(tempFolder, tempName({ taskId, attempt, index: 0 }).replace(/0\.part$/u, ''))
    throw error
  }
}

/** All that a failed attempt has written: the next one has other names, and a full disk needs the room. */
function removeTemps(tempFolder: string, prefix: string): void {
  for (const name of readdirSync(tempFolder)) {
    if (name.startsWith(prefix)) rmSync(join(tempFolder, name), { force: true })
  }
}

/** Names of all temporary files that the result speaks of. */
function tempsOf(parts: readonly PartResult[]): string[] {
  return parts.flatMap(({ placed }) =>
    [placed?.temp, placed?.sidecar?.temp].filter((name) => name !== undefined),
  )
}

async function placePart(
  part: ItemPart,
  payload: ItemPayload,
  temp: string,
  tools: PlaceTools & { readonly signal: AbortSignal },
): Promise<PartResult> {
  const { signal } = tools
  const results = new Map<ItemCopy, CopyResult>()
  try {
    const first = await readFirst(part.copies, temp, signal, results)
    if (first === undefined) return { role: part.role, copies: inOrder(part, results) }
    await compareRest(part.copies, first, signal, results)
    const equal = part.copies.filter((copy) => results.get(copy)?.outcome === 'same')
    const wanted = { role: part.role, ...wantedOf(first.copy, equal, payload) }
    const placed = await placeContent(first.content, wanted, temp, tools)
    return { role: part.role, copies: inOrder(part, results), placed }
  } catch (error) {
    rmSync(temp, { force: true })
    if (error instanceof NotMediaError) return ignoredPart(part, results, error.message)
    throw error
  }
}

/** Finds the first copy that can be read; those before it are recorded as failed. */
async function readFirst(
  copies: readonly ItemCopy[],
  temp: string,
  signal: AbortSignal,
  results: Map<ItemCopy, CopyResult>,
): Promise<{ copy: ItemCopy; content: SourceContent } | undefined> {
  for (const copy of copies) {
    try {
      const content = await readSource(copy, temp, signal)
      results.set(copy, { path: copy.path, outcome: 'same' })
      return { copy, content }
    } catch (error) {
      recordFailure(copy, error, results)
      rmSync(temp, { force: true })
    }
  }
  return undefined
}

async function compareRest(
  copies: readonly ItemCopy[],
  first: { copy: ItemCopy; content: SourceContent },
  signal: AbortSignal,
  results: Map<ItemCopy, CopyResult>,
): Promise<void> {
  for (const copy of copies) {
    if (results.has(copy)) continue
    try {
      const sha1 = await hashSource(copy, signal)
      results.set(copy, { path: copy.path, outcome: sha1 === first.content.sha1 ? 'same' : 'different' })
    } catch (error) {
      recordFailure(copy, error, results)
    }
  }
}

/** An unreadable input ends that copy; anything else (a full disk, a bug) ends the attempt. */
function recordFailure(copy: ItemCopy, error: unknown, results: Map<ItemCopy, CopyResult>): void {
  if (!(error instanceof SourceError || error instanceof EmptySourceError)) throw error
  results.set(copy, { path: copy.path, outcome: 'failed', error: toErrorRecord(error) })
}

function wantedOf(first: ItemCopy, equal: readonly ItemCopy[], payload: ItemPayload): Omit<Wanted, 'role'> {
  const xmps = equal.flatMap((copy) => copy.xmp ?? [])
  const indices = [...new Set([first.facts, ...equal.map((copy) => copy.facts)])]
  const facts = indices
    .map((index) => payload.facts[index])
    .filter((fact): fact is ItemFacts => fact !== undefined)
  return {
    path: first.path,
    facts: mergeFacts(facts),
    albumTitles: payload.albumTitles,
    options: payload.options,
    xmps,
  }
}

function inOrder(part: ItemPart, results: ReadonlyMap<ItemCopy, CopyResult>): CopyResult[] {
  return part.copies.map((copy) => results.get(copy) ?? { path: copy.path, outcome: 'different' })
}

function ignoredPart(part: ItemPart, results: ReadonlyMap<ItemCopy, CopyResult>, reason: string): PartResult {
  const copies = inOrder(part, results).map(
    (result): CopyResult =>
      result.outcome === 'same' ? { path: result.path, outcome: 'ignored', reason } : result,
  )
  return { role: part.role, copies }
}
