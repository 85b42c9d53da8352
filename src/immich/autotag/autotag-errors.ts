/**
 * What can be wrong before autotag begins.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'

/** Thrown when the key may not do what the rules need. */
export class LackingPermissionsError extends HeirloomError {
  readonly code = 'autotag/permissions'
  readonly recovery = 'discard'

  constructor(address: string, missing: readonly string[]) {
    super(`the key for ${address} lacks permissions: ${missing.join(', ')}`, {
      hint: 'Give the key these in the web page of Immich: Account Settings, API Keys.',
    })
  }
}

/** Thrown when no run is left that could be undone. */
export class NothingToUndoError extends HeirloomError {
  readonly code = 'autotag/nothing-to-undo'
  readonly recovery = 'discard'

  constructor() {
    super('there is no run that could be undone', { hint: 'heirloom autotag report lists the runs.' })
  }
}

/** Thrown for what names no asset that the rules look at. */
export class UnknownAssetError extends HeirloomError {
  readonly code = 'autotag/unknown-asset'
  readonly recovery = 'discard'

  constructor(asset: string) {
    super(`asset ${asset} is not among those that the rules look at`, {
      hint: 'Give its id, or its address in the browser. Its visibility must be in the scope, and it must not be in the trash.',
    })
  }
}

/** Thrown for a file that is no plan. */
export class BadPlanError extends HeirloomError {
  readonly code = 'autotag/bad-plan'
  readonly recovery = 'discard'

  constructor(reason: string) {
    super(`the plan cannot be read: ${reason}`, {
      hint: 'Make a new one with `heirloom autotag plan -o FILE`.',
    })
  }
}
