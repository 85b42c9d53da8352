/**
 * Where the dashboard's files come from: the folder that the build has made, or the source itself.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs/promises'
import { systemCode } from '../errors.ts'
import { bundleDashboard, type DashboardFile } from './dashboard-bundle.ts'
import { RequestError } from './http-errors.ts'

/** In the package it lies beside this module; in the source the same folder has the parts that it is made of. */
const FOLDER = new URL('dashboard/', import.meta.url)

/**
 * By name, `index.html` among them.
 *
 * @throws RequestError when there are neither built files nor a way to build them
 */
export async function loadDashboard(): Promise<ReadonlyMap<string, DashboardFile>> {
  const files = (await readBuilt()) ?? (await bundle())
  return new Map(files.map((file) => [file.name, file]))
}

async function readBuilt(): Promise<readonly DashboardFile[] | undefined> {
  const names = await readdir(FOLDER).catch((error: unknown): string[] => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  if (!names.includes('index.html')) return undefined
  const plain = names.filter((name) => names.includes(`${name}.gz`))
  return Promise.all(
    plain.map(async (name) => {
      const [body, gzipped] = await Promise.all([
        readFile(new URL(name, FOLDER)),
        readFile(new URL(`${name}.gz`, FOLDER)),
      ])
      return { name, body, gzipped }
    }),
  )
}

async function bundle(): Promise<readonly DashboardFile[]> {
  try {
    return await bundleDashboard()
  } catch (error) {
    throw new RequestError(503, 'server/no-dashboard', 'the dashboard was not built', {
      cause: error,
      hint: 'Run `npm ci` and `npm run build` in the source, or install the package anew.',
    })
  }
}
