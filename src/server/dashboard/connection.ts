/**
 * Listens to the server's events, and keeps at it.
 *
 * The browser connects again by itself when the network breaks. It gives up when the answer is an error (the server
 * starts up, the login is over), so that is done here.
 *
 * @module
 */

import type { DashboardEvent } from '../dashboard-events.ts'
import type { ViewEvent } from './view-state.ts'

const EVENTS: readonly DashboardEvent[] = [
  'snapshot',
  'tasks',
  'exports',
  'thumbnails',
  'throughput',
  'ending',
]

const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 10_000

/** Longer than the server's heartbeat twice: a connection that a sleeping laptop took along is silent for ever. */
const SILENT_MS = 35_000

export function listen(dispatch: (event: ViewEvent) => void): void {
  let retryMs = FIRST_RETRY_MS
  const open = (): void => {
    const source = new EventSource('/api/events')
    let heardAt = Date.now()
    const watch = setInterval(() => {
      // Time stood still for a page that slept: it hears at once, or never.
      if (Date.now() - heardAt > SILENT_MS) again(FIRST_RETRY_MS)
    }, 5_000)
    const again = (delayMs: number): void => {
      clearInterval(watch)
      source.close()
      dispatch({ type: 'lost' })
      setTimeout(open, delayMs)
    }
    source.onopen = () => {
      retryMs = FIRST_RETRY_MS
      heardAt = Date.now()
      dispatch({ type: 'opened' })
    }
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) {
        dispatch({ type: 'lost' })
        return
      }
      again(retryMs)
      retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)
      void leaveWhenLoggedOut()
    }
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        heardAt = Date.now()
        dispatch({ type: 'received', name, data: JSON.parse(String(event.data)), at: heardAt })
      })
    }
    source.addEventListener('beat', () => {
      heardAt = Date.now()
    })
  }
  open()
}

async function leaveWhenLoggedOut(): Promise<void> {
  try {
    const { status } = await fetch('/api/queue')
    if (status === 401) location.assign('/login')
  } catch {
    // The server is away: it will be tried again.
  }
}
