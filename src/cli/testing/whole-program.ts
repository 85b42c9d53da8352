/**
 * The whole command line, for tests that look at it: nothing of it does anything.
 *
 * @module
 */

import type { Command } from 'commander'
import { type CommandEntry, readCommandTree } from '../command-tree.ts'
import { buildProgram, type Runners } from '../main.ts'
import { memoryIo } from './memory-io.ts'

export function wholeProgram(): Command {
  const nothing = async (): Promise<void> => undefined
  return buildProgram(memoryIo(), new Proxy({}, { get: () => nothing }) as Runners)
}

export function wholeTree(): CommandEntry {
  return readCommandTree(wholeProgram())
}
