/**
 * The modules that run beside a coordinator: in worker processes, and in the thread of the store.
 *
 * @module
 */

export const WORKER_MODULE: URL = new URL(
  import.meta.url.endsWith('.ts') ? './worker-module.ts' : './worker-module.js',
  import.meta.url,
)

/** The store's program. */
export const PROGRAM: URL = new URL(
  import.meta.url.endsWith('.ts') ? './store-program.ts' : './store-program.js',
  import.meta.url,
)

/**
 * A worker that makes thumbnails holds a file and its pixels, all outside of the JavaScript heap. The warning about
 * SQLite being experimental (Node 22) is for developers.
 */
export const THUMBNAIL_EXEC_ARGV: readonly string[] = Object.freeze([
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
])
