/**
 * Writes the package's JavaScript to `dist`: run by `npm run build`, after the types.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { bundlePackage } from './package-bundle.ts'

const FOLDER = new URL('../../dist/', import.meta.url)

for (const { path, body } of await bundlePackage()) {
  const file = new URL(path, FOLDER)
  await mkdir(new URL('.', file), { recursive: true })
  await writeFile(file, body)
}
