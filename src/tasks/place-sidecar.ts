/**
 * The `.xmp` beside a placed file: the input's own one with what is missing in it, or a new one for what the
 * file cannot carry.
 *
 * @module
 */

import { basename } from 'node:path'
import type { EmbeddedMetadata, MetadataPatch, WantedMetadata } from '../media/metadata.ts'
import { planPatch } from '../media/plan-patch.ts'
import { mergeSidecar } from '../media/xmp/kept-sidecar.ts'
import { createXmpSidecar } from '../media/xmp/xmp-writer.ts'
import type { KeptSidecar, PlacedFile } from './item.ts'
import { readSidecar, SourceError } from './source-file.ts'
import { finishTemp, writeTemp } from './temp-file.ts'

export interface SidecarQuestion {
  /** Temporary file of the media file. */
  readonly temp: string
  /** The sidecars of the equal inputs; the first one is kept. */
  readonly xmps: readonly KeptSidecar[]
  readonly embedded: EmbeddedMetadata
  readonly wanted: WantedMetadata
  /** What the file could not carry, or was not to. */
  readonly left: MetadataPatch | undefined
  /** For the file's time, epoch milliseconds. */
  readonly takenAt: number | undefined
  readonly now: number
}

export interface PlacedSidecar {
  readonly sidecar?: NonNullable<PlacedFile['sidecar']>
  readonly problems: PlacedFile['problems']
}

/** Only errors of writing are thrown: a photo is placed without a sidecar that cannot be read. */
export async function placeSidecar(question: SidecarQuestion): Promise<PlacedSidecar> {
  const { temp, xmps, embedded, left, takenAt } = question
  const [xmp, ...others] = xmps
  const kept = xmp === undefined ? undefined : await keptBytes(xmp, others, question)
  const bytes =
    kept?.bytes ?? (left === undefined ? undefined : Buffer.from(createXmpSidecar(left, embedded)))
  const problems = kept?.problems ?? []
  if (bytes === undefined) return { problems }
  const file = temp.replace(/\.part$/u, 'x.part')
  const written = finishTemp(file, writeTemp(file, [bytes]), takenAt)
  const origin = kept?.bytes === undefined || xmp === undefined ? {} : { keptFrom: xmp.path }
  return { problems, sidecar: { temp: basename(file), ...written, ...origin } }
}

interface Kept {
  /** Undefined when it could not be read. */
  readonly bytes?: Buffer
  readonly problems: PlacedFile['problems']
}

async function keptBytes(
  xmp: KeptSidecar,
  others: readonly KeptSidecar[],
  { wanted, left, now }: SidecarQuestion,
): Promise<Kept> {
  let original: Buffer
  try {
    original = await readSidecar(xmp)
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    return { problems: [{ code: 'sidecar-unreadable', message: error.message }] }
  }
  // The packet is asked for itself: what the photo lacks may be in it, and the other way round.
  const { bytes, merged } = mergeSidecar(original, (own) => planPatch(own, wanted, now))
  const problems = await nameOthers(xmp, original, others)
  if (merged) return { bytes, problems }
  const rest = left === undefined ? '' : '; what the library knows could not be added to it'
  const message = `${xmp.path} is no XMP that can be read, and lies beside the file as it was${rest}`
  return { bytes, problems: [...problems, { code: 'sidecar-kept', message }] }
}

/** One file has one `.xmp`: what another one of the copies says in its own words is left in the export. */
async function nameOthers(
  { path }: KeptSidecar,
  original: Buffer,
  others: readonly KeptSidecar[],
): Promise<PlacedFile['problems']> {
  const problems: PlacedFile['problems'][number][] = []
  for (const other of others) {
    if (await hasSameBytes(other, original)) continue
    const message = `${other.path} is another sidecar of the same photo than ${path}, which was kept`
    problems.push({ code: 'sidecar-not-kept', message })
  }
  return problems
}

async function hasSameBytes(xmp: KeptSidecar, bytes: Buffer): Promise<boolean> {
  try {
    return xmp.sizeBytes === bytes.length && (await readSidecar(xmp)).equals(bytes)
  } catch (error) {
    if (error instanceof SourceError) return false
    throw error
  }
}
