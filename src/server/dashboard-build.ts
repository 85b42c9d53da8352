/**
 * Writes the dashboard's files, and each compressed beside it, to where the package has them: run by `npm run build`.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { bundleDashboard } from './dashboard-bundle.ts'

const FOLDER = new URL('../../dist/server/dashboard/', import.meta.url)

await mkdir(FOLDER, { recursive: true })
for (const { name, body, gzipped } of await bundleDashboard()) {
  await writeFile(new URL(name, FOLDER), body)
  await writeFile(new URL(`${name}.gz`, FOLDER), gzipped)
}
