/**
 * `heirloom autotag import`: the config of immich-autotag, as rules.
 *
 * @module
 */

import type { CommandContext } from '../command.ts'
import type { AutotagCommandOptions } from '../commands/autotag.ts'
import { neutralize } from '../text-width.ts'
import { readNamedFile } from './session.ts'
import { print, writeNamedFile } from './with-autotag.ts'

export async function runImport(
  { io, services }: CommandContext,
  options: AutotagCommandOptions,
): Promise<number> {
  const text = await readNamedFile(io, options.subject ?? '')
  const { yaml, remarks } = (await services.autotag()).importConfig(text)
  const { out } = options.own
  if (typeof out === 'string') await writeNamedFile(io, out, yaml, 'wx')
  if (options.json) {
    print(io, [JSON.stringify({ yaml, remarks })])
    return 0
  }
  if (typeof out !== 'string') io.stdout.write(yaml)
  for (const remark of remarks) io.stderr.write(`note: ${neutralize(remark)}\n`)
  if (typeof out === 'string') {
    io.stderr.write(`written to ${neutralize(out)}; next: heirloom autotag lint --rules ${neutralize(out)}\n`)
  }
  return 0
}
