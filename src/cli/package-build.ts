/**
 * Writes the package's JavaScript and its manual page to `dist`: run by `npm run build`, after the types.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { readCommandTree } from './command-tree.ts'
import { processIo } from './io.ts'
import { buildProgram, type Runners } from './main.ts'
import { manPage } from './man-page.ts'
import { bundlePackage } from './package-bundle.ts'
import { packageVersion } from './version.ts'

const FOLDER = new URL('../../dist/', import.meta.url)

async function write(path: string, body: Uint8Array | string): Promise<void> {
  const file = new URL(path, FOLDER)
  await mkdir(new URL('.', file), { recursive: true })
  await writeFile(file, body)
}

for (const { path, body } of await bundlePackage()) await write(path, body)

const nothing = async (): Promise<void> => undefined
const program = buildProgram(processIo(), new Proxy({}, { get: () => nothing }) as Runners)
await write('man/heirloom.1', manPage(readCommandTree(program), { version: packageVersion() }))
