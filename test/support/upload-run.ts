/**
 * A whole upload without the queue: catalog in memory, files in a temporary folder, and a process that can die.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { ImmichApi } from '../../src/immich/api.ts'
import {
  applyChanges,
  checkPage,
  fillAlbums,
  makeStacks,
  uploadUnit,
  verifyAlbums,
} from '../../src/immich/upload.ts'
import type { AlbumDifference } from '../../src/immich/upload-albums.ts'
import { planUploads, type UploadPlanOptions } from '../../src/immich/upload-plan.ts'
import { insertAsset, type NewAsset } from '../../src/library/catalog.ts'
import { settleWithAsset } from '../../src/library/ledger.ts'
import { planOne, sampleAsset, sha1Of } from '../../src/library/testing/sample-assets.ts'
import type { Backend } from '../../src/queue/backend.ts'
import { CALLS, callLibrary } from '../../src/tasks/store-calls.ts'
import { libraryJournal } from '../../src/tasks/upload-journal.ts'

export type Store = Pick<Backend, 'call'>

/** The store's calls on a database of this thread. */
export function storeOf(db: DatabaseSync): Store {
  return {
    call: async (name, argument) => {
      const call = CALLS[name]
      if (call === undefined) throw new TypeError(`there is no call ${name}`)
      db.exec('BEGIN')
      try {
        const answer = call({ db, now: 1_000, add: () => [] }, argument)
        db.exec('COMMIT')
        // As through the thread's border: plain data only.
        return structuredClone(answer)
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
  }
}

/** Places a file of this text, whose bytes in the export were `text` too, and in the library `text+`. */
export function place(db: DatabaseSync, root: string, text: string, changes: Partial<NewAsset> = {}): number {
  const asset = sampleAsset(text, changes)
  const { assetId, path } = insertAsset(db, asset)
  const absolute = join(root, path)
  mkdirSync(dirname(absolute), { recursive: true })
  writeFileSync(absolute, asset.writtenSha1 === sha1Of(`${text}+`) ? `${text}+` : text)
  const fileId = planOne(db, `photos/${text}`, text.length, asset.exportId)
  settleWithAsset(db, { fileId, assetId, now: 3 })
  return assetId
}

export interface UploadRun {
  readonly sentFiles: number
  readonly differences: readonly AlbumDifference[]
  readonly failures: readonly unknown[]
}

/** All that `tasks/upload-lanes.ts` does for one export, one after the other. */
export async function runUpload(
  store: Store,
  api: ImmichApi,
  root: string,
  options: UploadPlanOptions,
): Promise<UploadRun> {
  const user = await api.me()
  const { serverId } = await callLibrary(store, 'upload.server', {
    address: api.address,
    ...(user === undefined ? {} : { userId: user.id }),
  })
  let sentFiles = 0
  const failures: unknown[] = []
  for (let after = 0; ; ) {
    // Small pages, so that a test has several.
    const families = await callLibrary(store, 'upload.page', { serverId, after, limit: 3 })
    if (families.length === 0) break
    const { units, ...plan } = planUploads(families, await checkPage(families, api, options), options)
    await callLibrary(store, 'upload.plan', { serverId, ...plan })
    for (const unit of units) {
      const { settled, failure } = await uploadUnit(unit, api, root)
      if (failure !== undefined) failures.push(failure.error)
      await callLibrary(store, 'upload.record', { serverId, settled })
      sentFiles += settled.filter(({ state }) => state === 'uploaded').length
    }
    after = families.at(-1)?.assets[0]?.id ?? after
  }
  const journal = libraryJournal(store, serverId)
  await fillAlbums(api, journal)
  await makeStacks(api, journal)
  await applyChanges(api, journal)
  return { sentFiles, failures, differences: await verifyAlbums(api, journal) }
}

export class DeathError extends Error {}

/** A process that dies after its `n`th step: its effect is there, and nobody was told. */
export class Mortality {
  readonly #diesAfter: number
  #steps = 0

  constructor(diesAfter: number = Number.POSITIVE_INFINITY) {
    this.#diesAfter = diesAfter
  }

  get steps(): number {
    return this.#steps
  }

  /** Every call of `target` is a step; after death all of them throw. */
  wrap<Target extends object>(target: Target): Target {
    // Of a copy: a frozen object does not let itself be stood in for.
    return new Proxy(
      { ...target },
      {
        get: (_, key) => {
          const method: unknown = Reflect.get(target, key)
          // A search is read bit by bit, and has no effect to be lost.
          if (typeof method !== 'function' || key === 'search') return method
          return async (...args: unknown[]) => {
            this.#step()
            const answer: unknown = await Reflect.apply(method, target, args)
            if (this.#steps >= this.#diesAfter) throw new DeathError()
            return answer
          }
        },
      },
    )
  }

  #step(): void {
    if (this.#steps >= this.#diesAfter) throw new DeathError()
    this.#steps += 1
  }
}
