/**
 * What the page knows, and how each event changes it. Pure.
 *
 * @module
 */

import type { DashboardEvent, DashboardEvents } from '../dashboard-events.ts'

/**
 * `connecting`: nothing has come yet. `lost`: it will be tried again by itself. `ended`: the server said good-bye, and
 * is tried again too.
 */
export type ConnectionState = 'connecting' | 'live' | 'lost' | 'ended'

export interface Notice {
  /** Goes up, so that the same words twice are two notices. */
  readonly id: number
  readonly kind: 'done' | 'problem'
  readonly text: string
}

export interface ViewState extends Partial<Omit<DashboardEvents, 'ending'>> {
  readonly connection: ConnectionState
  /** The server's clock minus this browser's, in ms. */
  readonly clockOffsetMs: number
  readonly notice?: Notice
  /** Actions that were asked for and not answered yet, by name: their buttons wait. */
  readonly pending: ReadonlySet<string>
}

export type ViewEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'lost' }
  /** `at`: epoch ms, by this browser's clock. */
  | { readonly type: 'received'; readonly name: DashboardEvent; readonly data: unknown; readonly at: number }
  | { readonly type: 'asked'; readonly action: string }
  | { readonly type: 'answered'; readonly action: string; readonly notice?: Omit<Notice, 'id'> }
  | { readonly type: 'dismissed'; readonly id: number }

export const INITIAL_STATE: ViewState = Object.freeze({
  connection: 'connecting',
  clockOffsetMs: 0,
  pending: new Set<string>(),
})

export function reduce(state: ViewState, event: ViewEvent): ViewState {
  switch (event.type) {
    case 'opened':
      return state.connection === 'live' ? state : { ...state, connection: 'live' }
    case 'lost':
      return state.connection === 'ended' || state.connection === 'lost'
        ? state
        : { ...state, connection: 'lost' }
    case 'received':
      return receive(state, event)
    case 'asked':
      return { ...state, pending: new Set([...state.pending, event.action]) }
    case 'answered':
      return answer(state, event)
    case 'dismissed':
      return state.notice?.id === event.id ? without(state, 'notice') : state
  }
}

function receive(state: ViewState, { name, data, at }: Extract<ViewEvent, { type: 'received' }>): ViewState {
  if (name === 'ending') return { ...state, connection: 'ended' }
  const next: ViewState = { ...state, connection: 'live', [name]: data }
  if (name !== 'snapshot') return next
  return { ...next, clockOffsetMs: (data as DashboardEvents['snapshot']).now - at }
}

function answer(state: ViewState, { action, notice }: Extract<ViewEvent, { type: 'answered' }>): ViewState {
  const pending = new Set([...state.pending].filter((one) => one !== action))
  const next = { ...state, pending }
  return notice === undefined ? next : { ...next, notice: { ...notice, id: (state.notice?.id ?? 0) + 1 } }
}

function without(state: ViewState, name: 'notice'): ViewState {
  const { [name]: _gone, ...rest } = state
  return rest
}
