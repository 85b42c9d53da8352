/**
 * Lets calls begin when the client would send them at once: a call that waited would have been cut by a size that is no
 * longer right.
 *
 * @module
 */

import type { AutotagApi, BulkKind } from '../autotag-api.ts'

/** Where the client does not say; as many as its limiter lets through once it trusts the server. */
const AT_A_TIME: Readonly<Record<CallFamily, number>> = { tag: 3, album: 4, asset: 4 }

/** Kinds that share a limit. */
type CallFamily = 'tag' | 'album' | 'asset'

export interface CallGate {
  /** Resolves to the way out when a call of this kind may begin. */
  enter(kind: BulkKind): Promise<() => void>
}

/** `width`: of all kinds together. */
export function createCallGate(api: Pick<AutotagApi, 'room'>, width: number): CallGate {
  const running: Record<CallFamily, number> = { tag: 0, album: 0, asset: 0 }
  const waiting: { readonly kind: BulkKind; readonly admit: () => void }[] = []

  const hasRoom = (kind: BulkKind): boolean => {
    const family = familyOf(kind)
    // Never none: what is asked for can then not begin at all.
    const room = Math.max(1, api.room?.(kind) ?? AT_A_TIME[family])
    return running[family] < room && running.tag + running.album + running.asset < Math.max(1, width)
  }
  const admitWaiting = (): void => {
    for (const waiter of [...waiting]) {
      if (!hasRoom(waiter.kind)) continue
      waiting.splice(waiting.indexOf(waiter), 1)
      running[familyOf(waiter.kind)] += 1
      waiter.admit()
    }
  }
  return {
    enter: async (kind) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ kind, admit: resolve })
      admitWaiting()
      await promise
      return () => {
        running[familyOf(kind)] -= 1
        admitWaiting()
      }
    },
  }
}

function familyOf(kind: BulkKind): CallFamily {
  return kind === 'untag' ? 'tag' : kind
}
