/**
 * `heirloom/exports`: opens exports as they were downloaded, and reads them into one model.
 *
 * @module
 */

export type { Archive, ArchiveEntry, ArchiveProblem } from './archive/archive.ts'
export { type ExportInput, groupInputs, listOriginals } from './archive/export-inputs.ts'
export { openArchive } from './archive/open-archive.ts'
export { sharedContentKeys } from './content-key.ts'
export { groupItems, type ItemFacts, type ItemGroup, type ItemGroups, mergeFacts } from './group-items.ts'
export type { ItemList } from './item-list.ts'
export type { Album, Companion, CompanionRole, MediaFile, MediaItem, Pairing } from './media-item.ts'
export type { Listing, NonMedia, Platform, Reading } from './platform.ts'
export { type ExportReading, readExport } from './read-export.ts'
export { PLATFORMS } from './registry.ts'
