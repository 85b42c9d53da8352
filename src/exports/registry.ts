/**
 * All platforms, in no particular order: each brings its own priority.
 *
 * @module
 */

import { googlePhotos } from './google-photos/google-photos.ts'
import { plainFolder } from './plain-folder/plain-folder.ts'
import type { Platform } from './platform.ts'

export const PLATFORMS: readonly Platform[] = [googlePhotos, plainFolder]
