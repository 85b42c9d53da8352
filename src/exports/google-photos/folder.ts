/**
 * What the rules may ask about the folder they work in.
 *
 * @module
 */

import type { MediaIndex } from './media-index.ts'
import type { NamedHit } from './rules.ts'
import type { Sidecar, SidecarIndex } from './sidecar-index.ts'

/** One folder while its files are paired. Claims and pairs are those of the stages before the present one. */
export interface Folder {
  readonly media: MediaIndex
  readonly sidecars: SidecarIndex
  /** What the forward model gave for a name, so that each stage need not ask again. */
  readonly lookups: Map<string, readonly NamedHit[]>
  /** The media that a sidecar was taken for. */
  claimedBy(sidecar: Sidecar): readonly string[]
  pairOf(media: string): Sidecar | undefined
}
