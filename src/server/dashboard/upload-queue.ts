/**
 * Files on their way to the server: what is where, and which go next. Pure.
 *
 * @module
 */

export type UploadState = 'waiting' | 'sending' | 'done' | 'known' | 'failed'

export interface QueuedFile {
  readonly id: number
  readonly name: string
  readonly sizeBytes: number
  readonly state: UploadState
  readonly reason?: string
  /** It was in a batch that was refused as a whole, and has to say for itself whether that was its fault. */
  readonly alone?: boolean
}

/** Files of one request: few enough that one which breaks costs little, many enough for small ones. */
const MAX_BATCH_FILES = 20
const MAX_BATCH_BYTES = 64_000_000

/** Requests at a time: one is answered while the other is sent. */
export const MAX_REQUESTS = 2

/** The files of the next request. A single file goes alone, and so before batches of others. */
export function nextBatch(files: readonly QueuedFile[]): readonly QueuedFile[] {
  const batch: QueuedFile[] = []
  let sizeBytes = 0
  for (const file of files) {
    if (file.state !== 'waiting') continue
    if (batch.length > 0 && (file.alone || sizeBytes + file.sizeBytes > MAX_BATCH_BYTES)) break
    batch.push(file)
    sizeBytes += file.sizeBytes
    if (file.alone || batch.length === MAX_BATCH_FILES) break
  }
  return batch
}

/** What the server says of a request. */
export interface BatchAnswer {
  readonly photos: readonly { readonly fileName: string; readonly duplicate: boolean }[]
  readonly refused: readonly { readonly fileName: string; readonly error: { readonly message: string } }[]
}

/** The files of a batch as they are after the answer; names may be equal, so each answer is used up by one file. */
export function settleBatch(batch: readonly QueuedFile[], answer: BatchAnswer): readonly QueuedFile[] {
  const refused = [...answer.refused]
  const taken = [...answer.photos]
  return batch.map((file) => {
    const at = refused.findIndex(({ fileName }) => fileName === file.name)
    if (at >= 0) {
      const [one] = refused.splice(at, 1)
      return { ...file, state: 'failed', reason: one?.error.message ?? 'it was refused' }
    }
    return { ...file, state: taken.shift()?.duplicate ? 'known' : 'done' }
  })
}

/** The files of a batch that was refused as a whole: one may be to blame for it, so they are tried one by one. */
export function refuseBatch(batch: readonly QueuedFile[], reason: string): readonly QueuedFile[] {
  if (batch.length === 1) return batch.map((file) => ({ ...file, state: 'failed', reason }))
  return batch.map((file) => ({ ...file, state: 'waiting', alone: true }))
}

export interface UploadTotals {
  readonly files: number
  readonly settled: number
  readonly failed: number
  readonly known: number
  readonly totalBytes: number
}

export function totalsOf(files: readonly QueuedFile[]): UploadTotals {
  const count = (...states: readonly UploadState[]): number =>
    files.filter(({ state }) => states.includes(state)).length
  return {
    files: files.length,
    settled: count('done', 'known', 'failed'),
    failed: count('failed'),
    known: count('known'),
    totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
