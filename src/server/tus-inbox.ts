/**
 * Turns resumable uploads whose bytes are all here into photos, by the same way that every upload takes.
 *
 * What fails for a reason that passes (a bucket that is away) is tried again by itself: to its sender the upload is
 * complete, and a sender that asks how far it is would hear so.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { toErrorRecord } from '../errors.ts'
import { hasFolder, UPLOADS_FOLDER_ID } from '../library/folders.ts'
import { enterPhotos, receiveFile } from '../tasks/receive-photo.ts'
import { SINGLE_UPLOAD_PRIORITY } from '../tasks/thumbnail-task.ts'
import type { ServerContext } from './server-context.ts'
import type { CompleteUpload, FinishedUpload, TusStore } from './tus-store.ts'
import { requireWorking } from './working-role.ts'

/** How often what is left over is looked for, and what has expired. */
const LOOK_MS = 60_000

export class TusInbox {
  readonly #store: TusStore
  readonly #context: ServerContext
  /** By upload: two requests for the end of one wait for the same. */
  readonly #receiving = new Map<string, Promise<FinishedUpload>>()
  #cancel: () => void = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(store: TusStore, context: ServerContext) {
    this.#store = store
    this.#context = context
  }

  /** @throws what receiving throws; the upload is gone when trying again would not help */
  async receive(upload: CompleteUpload): Promise<FinishedUpload> {
    const running = this.#receiving.get(upload.id)
    if (running !== undefined) return running
    const receiving = this.#receive(upload).finally(() => this.#receiving.delete(upload.id))
    this.#receiving.set(upload.id, receiving)
    return receiving
  }

  async #receive({ id, path, fileName, folderId }: CompleteUpload): Promise<FinishedUpload> {
    const { photos: store, clock, maxUploadBytes, thumbnailPlan: plan } = this.#context
    const { queue } = requireWorking(this.#context)
    const target = { backend: this.#context.backend(), store, clock, maxBytes: maxUploadBytes }
    try {
      const file = await receiveFile({ name: fileName, content: createReadStream(path) }, target)
      const storeOf = (address: string) => this.#context.storeOf(address, 'photos')
      const options = { folderId: this.#folderOf(folderId), priority: SINGLE_UPLOAD_PRIORITY, plan, storeOf }
      const [photo] = await enterPhotos([file], { backend: queue, store }, options)
      const finished = { photoId: file.sha1, duplicate: photo?.added === false }
      await this.#store.finish(id, finished)
      return finished
    } catch (error) {
      if (toErrorRecord(error).code.startsWith('upload/')) await this.#store.remove(id)
      throw error
    }
  }

  /** Checked when the upload began; one that is gone since is no reason to lose the photo. */
  #folderOf(text: string | undefined): number {
    const id = /^\d{1,15}$/u.test(text ?? '') ? Number(text) : UPLOADS_FOLDER_ID
    return hasFolder(this.#context.reading(), id) ? id : UPLOADS_FOLDER_ID
  }

  /** Receives what is complete and no photo, and lets go what has expired. Never rejects. */
  async runOnce(): Promise<void> {
    if (this.#context.role().kind !== 'working') return
    try {
      await this.#store.deleteExpired()
      for (const upload of await this.#store.listComplete()) {
        if (this.#isStopped) return
        await this.receive(upload).catch((error: unknown) => this.#log(upload.id, error))
      }
    } catch (error) {
      this.#log(undefined, error)
    }
  }

  start(): void {
    this.#looking = this.runOnce().then(() => {
      if (!this.#isStopped) this.#cancel = this.#context.clock.after(LOOK_MS, () => this.start())
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#looking
    await Promise.allSettled(this.#receiving.values())
  }

  #log(upload: string | undefined, error: unknown): void {
    const { code, message } = toErrorRecord(error)
    this.#context.logger.warn('resumable upload cannot be received now', { upload, code, error: message })
  }
}
