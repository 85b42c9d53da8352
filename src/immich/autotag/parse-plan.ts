/**
 * Reads a saved plan. It comes from a file that anything may have written: its shape is checked here, its id (which covers all
 * of it) and its server before it is applied.
 *
 * @module
 */

import { z } from 'zod'
import { BadPlanError } from './autotag-errors.ts'
import type { Plan } from './plan.ts'

const id = z.string().min(1).max(200)
const name = z.string().max(10_000)
/** One check for all: of a list of a million wrong ones, a million complaints would fill the memory. */
const ids = z.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.length > 0 && value.every((item) => id.safeParse(item).success),
  'expected a list of ids',
)
const date = z
  .object({ dateTimeOriginal: z.string().max(64), timeZone: z.string().max(64).nullable() })
  .strict()
const role = z.enum(['viewer', 'editor'])
const album = z.union([z.object({ id, name }).strict(), z.object({ key: name, name }).strict()])
const rule = z.string().max(1_000)
const share = { rule, album, userId: id, email: z.string().max(1_000) }

/** What was there before, one of each asset. */
function before<Item>(item: z.ZodType<Item>): z.ZodType<readonly (Item | null)[]> {
  return z.custom<readonly (Item | null)[]>(
    (value) => Array.isArray(value) && value.every((one) => one === null || item.safeParse(one).success),
    'expected a list of what was there before',
  )
}

const isOfEach = ({
  assetIds,
  before: values,
}: {
  assetIds: readonly string[]
  before: readonly unknown[]
}): boolean => assetIds.length === values.length

const step = z.discriminatedUnion('op', [
  z.object({ op: z.literal(['tag.add', 'tag.remove']), rule, tag: name.min(1), assetIds: ids }).strict(),
  z
    .object({
      op: z.literal('album.create'),
      rule,
      album: z.object({ key: name, name }).strict(),
      description: name,
      assetIds: z.union([ids, z.tuple([])]),
    })
    .strict(),
  z.object({ op: z.literal(['album.add', 'album.remove']), rule, album, assetIds: ids }).strict(),
  z
    .object({
      op: z.literal('album.delete'),
      rule,
      album: z.object({ id, name }).strict(),
      before: z
        .object({ description: name, members: z.array(z.object({ userId: id, role }).strict()) })
        .strict(),
    })
    .strict(),
  z
    .object({
      op: z.literal('date.set'),
      rule,
      to: date,
      precision: z.enum(['second', 'day']),
      assetIds: ids,
      before: before(date),
    })
    .strict()
    .refine(isOfEach, 'before has not one of each asset'),
  z
    .object({
      op: z.literal('asset.set'),
      rule,
      to: z.union([
        z.object({ isFavourite: z.boolean() }).strict(),
        z.object({ rating: z.number().nullable() }).strict(),
      ]),
      assetIds: ids,
      before: before(z.union([z.boolean(), z.number()])),
    })
    .strict()
    .refine(isOfEach, 'before has not one of each asset'),
  z.object({ op: z.literal('share.add'), ...share, role }).strict(),
  z.object({ op: z.literal('share.role'), ...share, role, before: role }).strict(),
  z.object({ op: z.literal('share.remove'), ...share, before: role }).strict(),
])

/** Of the plans that this version makes and reads. */
const FORMAT = 1

const digest = z.string().regex(/^[0-9a-f]{64}$/u)

const plan = z.object({
  format: z.literal(FORMAT),
  id: digest,
  madeAt: z.iso.datetime(),
  server: z.object({
    address: z.string().max(2_000),
    userId: z.string().max(200),
    version: z.object({ major: z.int(), minor: z.int(), patch: z.int() }),
  }),
  rulesHash: z.string().max(200),
  snapshot: z.object({
    takenAt: z.iso.datetime(),
    assets: z.int().nonnegative(),
    albums: z.record(z.string(), z.string()),
  }),
  // Read one by one, up to the first that is wrong.
  steps: z.array(z.unknown()),
  // Nothing is done with these; the id covers them.
  overrides: z.array(z.unknown()),
  remarks: z.array(z.unknown()),
})

/** @throws {@link BadPlanError} */
export function parsePlan(text: string): Plan {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new BadPlanError(error instanceof Error ? error.message : 'no JSON')
  }
  // `autotag plan --json` prints the plan with what belongs to it.
  const inner = typeof json === 'object' && json !== null && 'plan' in json ? json.plan : json
  refuseOtherFormat(inner)
  const whole = parsePart(plan, inner, [])
  const steps = whole.steps.map((one, index) => parsePart(step, one, ['steps', index]))
  return { ...whole, steps } as unknown as Plan
}

/** Of a newer version of this program, most likely, so it is not called damaged. */
function refuseOtherFormat(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('format' in value)) return
  const { format } = value
  if (typeof format === 'number' && format !== FORMAT) {
    throw new BadPlanError(`it has format ${format}, and this version of heirloom knows ${FORMAT}`)
  }
}

function parsePart<Part>(schema: z.ZodType<Part>, value: unknown, where: readonly PropertyKey[]): Part {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = [...where, ...(issue?.path ?? [])].map(String).join('.')
  throw new BadPlanError(`${path === '' ? '' : `${path}: `}${issue?.message ?? 'invalid'}`)
}
