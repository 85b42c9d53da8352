/**
 * Reads rules in tests.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Rules, RulesProblem } from '../../rules.ts'
import { type ReadRulesResult, readRules } from '../read-rules.ts'

export const ENV: Readonly<Record<string, string>> = { IMMICH_KEY: 'k-secret-123', HOME: '/home/ada' }

export function read(text: string, env: Readonly<Record<string, string>> = ENV): ReadRulesResult {
  return readRules(text, { fileName: 'rules.yaml', env, machineZone: 'UTC' })
}

export function good(text: string): Rules {
  const { rules, problems } = read(text)
  assert.ok(rules, JSON.stringify(problems))
  return rules
}

/** Problems of a file that begins with its version, which is line 1. */
export function problemsOf(text: string): readonly RulesProblem[] {
  return read(`version: 1\n${text}`).problems
}
