/**
 * `/stacks`: stacking what already leads a stack takes that stack in, as the real server does.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { created, NO_CONTENT, noAccess, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeStack } from './fake-state.ts'
import { ID, IDS, jsonRoute, ownAssets, plainRoute, type Route } from './route.ts'
import { stackShape } from './shapes.ts'

const NEW_STACK = z.object({ assetIds: z.array(ID).min(2) })
const STACK_CHANGE = z.object({ primaryAssetId: ID.optional() })

export const STACK_ROUTES: readonly Route[] = [
  plainRoute('GET /stacks', { permission: 'stack.read' }, ({ state, user, query }) => {
    const primary = query.get('primaryAssetId')
    const stacks = [...state.stacks.values()].filter(
      (stack) => stack.ownerId === user.id && (primary === null || stack.primaryAssetId === primary),
    )
    return ok(stacks.map((stack) => stackShape(state, stack)))
  }),
  jsonRoute('POST /stacks', { permission: 'stack.create', body: NEW_STACK }, (call, { assetIds }) => {
    const { state, user } = call
    const assets = new Set(ownAssets(call, assetIds, 'asset.update'))
    for (const old of [...state.stacks.values()].filter((one) => assetIds.includes(one.primaryAssetId))) {
      for (const member of state.membersOf(old)) assets.add(member)
      state.stacks.delete(old.id)
    }
    const stack: FakeStack = { id: randomUUID(), ownerId: user.id, primaryAssetId: assetIds[0]! }
    state.stacks.set(stack.id, stack)
    for (const asset of assets) asset.stackId = stack.id
    return created(stackShape(state, stack))
  }),
  jsonRoute('DELETE /stacks', { permission: 'stack.delete', body: IDS }, (call, { ids }) => {
    for (const stack of ids.map((id) => ownStack(call, id, 'stack.delete'))) remove(call, stack)
    return NO_CONTENT
  }),
  plainRoute('GET /stacks/:id', { permission: 'stack.read' }, (call) =>
    ok(stackShape(call.state, ownStack(call, call.param('id'), 'stack.read'))),
  ),
  jsonRoute('PUT /stacks/:id', { permission: 'stack.update', body: STACK_CHANGE }, (call, body) => {
    const stack = ownStack(call, call.param('id'), 'stack.update')
    stack.primaryAssetId = body.primaryAssetId ?? stack.primaryAssetId
    return ok(stackShape(call.state, stack))
  }),
  plainRoute('DELETE /stacks/:id', { permission: 'stack.delete' }, (call) => {
    remove(call, ownStack(call, call.param('id'), 'stack.delete'))
    return NO_CONTENT
  }),
]

function ownStack(call: Call, id: string, permission: string): FakeStack {
  const stack = call.state.stacks.get(id)
  if (stack?.ownerId !== call.user.id) {
    call.violate('unknown-id', id)
    throw noAccess(permission)
  }
  return stack
}

function remove({ state }: Call, stack: FakeStack): void {
  for (const asset of state.membersOf(stack)) asset.stackId = undefined
  state.stacks.delete(stack.id)
}
