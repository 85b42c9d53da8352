/**
 * What `heirloom doctor` says of the decoders of pictures. All are optional: without one there are fewer thumbnails.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { toErrorRecord } from '../errors.ts'
import type { Finding } from './doctor-checks.ts'

/** Loaded, because it is a binary of this system: that it lies there is not enough. */
export async function checkSharp(): Promise<Finding> {
  const name = 'sharp'
  try {
    const { default: sharp } = await import('sharp')
    const { sharp: version, vips } = sharp.versions
    return { name, state: 'ok', detail: `${version} with libvips ${vips} (optional)` }
  } catch (error) {
    const detail = `${toErrorRecord(error).message.split('\n')[0]} (optional: ingest does without it)`
    return { name, state: 'warn', detail, hint: 'Install it for thumbnails: npm install sharp' }
  }
}

export function checkHeic(): Promise<Finding> {
  return checkPackage('heic', 'libheif-js')
}

export function checkJxl(): Promise<Finding> {
  return checkPackage('jxl', '@jsquash/jxl')
}

async function checkPackage(name: string, packageName: string): Promise<Finding> {
  try {
    createRequire(import.meta.url).resolve(packageName)
    const file = findPackageJSON(packageName, import.meta.url)
    const { version } = JSON.parse(readFileSync(file ?? '', 'utf8')) as { version: string }
    return { name, state: 'ok', detail: `${packageName} ${version} (optional)` }
  } catch {
    // Why it is not there does not matter: the hint is the same.
    const detail = `${packageName} not found (optional: ingest does without it)`
    const hint = `Install it for thumbnails of such pictures: npm install ${packageName}`
    return { name, state: 'warn', detail, hint }
  }
}
