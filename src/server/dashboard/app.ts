/**
 * The page as a whole: what is shown in which order, and the banners above it.
 *
 * @module
 */

import { useEffect, useMemo, useReducer, useState } from 'preact/hooks'
import type { SnapshotView } from '../dashboard-events.ts'
import { createActions } from './actions.ts'
import { ChartCard } from './chart-card.ts'
import { listen } from './connection.ts'
import { ExportsCard } from './exports-card.ts'
import { Failures } from './failures.ts'
import { formatPercent, headlineOf, splitPath } from './headline.ts'
import { Hero } from './hero.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'
import { Lanes } from './lanes.ts'
import { Search } from './search.ts'
import { TaskDialog } from './task-dialog.ts'
import { ThemeButton } from './theme-button.ts'
import { Uploads } from './uploads.ts'
import {
  type ConnectionState,
  INITIAL_STATE,
  type Notice,
  reduce,
  type ViewEvent,
  type ViewState,
} from './view-state.ts'
import { Wall } from './wall.ts'
import { Workers } from './workers.ts'

/** A notice of something done leaves by itself; a problem stays until it is read. */
const NOTICE_MS = 5_000

export function App(): View {
  const [state, dispatch] = useReducer(reduce, INITIAL_STATE)
  const actions = useMemo(() => createActions(dispatch), [])
  const [shownTask, setShownTask] = useState<number | undefined>(undefined)
  const now = useNow() + state.clockOffsetMs
  useEffect(() => listen(dispatch), [])
  const { snapshot, pending } = state
  const title = titleOf(snapshot)
  useEffect(() => {
    document.title = title
  }, [title])
  return html`
    <header class="top">
      <p class="wordmark">Heirloom</p>
      <p class="library" title=${snapshot?.library}>${splitPath(snapshot?.library ?? '').name}</p>
      <${ThemeButton} />
    </header>
    <main>
      ${
        snapshot === undefined
          ? html`<section class="hero"><p class="role"> </p><h1>${state.connection === 'lost' ? 'No connection' : 'One moment…'}</h1></section>`
          : html`
              <${Hero} snapshot=${snapshot} now=${now} />
              <${Failures}
                failures=${state.tasks?.failures ?? []}
                count=${snapshot.counts.failed}
                now=${now}
                pending=${pending}
                actions=${actions}
                onShow=${setShownTask}
              />
              <div class="columns">
                <${Lanes} snapshot=${snapshot} pending=${pending} actions=${actions} />
                <${ChartCard} history=${state.throughput} />
              </div>
              <${Wall} photos=${state.thumbnails?.photos ?? []}><${Uploads} role=${snapshot.role} /><//>
              <div class="columns even">
                <${ExportsCard} view=${state.exports} />
                <${Workers} snapshot=${snapshot} running=${state.tasks?.running ?? []} settled=${state.tasks?.settled ?? []} now=${now} onShow=${setShownTask} />
              </div>
              <${Search} now=${now} onShow=${setShownTask} />
            `
      }
    </main>
    <footer class="bottom"><a href="/api/docs">API</a><a href="/metrics">Metrics</a></footer>
    ${
      shownTask !== undefined &&
      html`<${TaskDialog} key=${shownTask} id=${shownTask} now=${now} pending=${pending} actions=${actions} onClose=${() => setShownTask(undefined)} />`
    }
    <${Banners} state=${state} dispatch=${dispatch} />
  `
}

function Banners({
  state,
  dispatch,
}: {
  readonly state: ViewState
  readonly dispatch: (event: ViewEvent) => void
}): View {
  const { notice, connection } = state
  useEffect(() => {
    if (notice?.kind !== 'done') return
    const timer = setTimeout(() => dispatch({ type: 'dismissed', id: notice.id }), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice?.id])
  return html`<div class="banners" role="status" aria-live="polite">
    ${connectionWords(connection) && html`<p class="banner problem">${connectionWords(connection)}</p>`}
    ${notice !== undefined && noticeView(notice, () => dispatch({ type: 'dismissed', id: notice.id }))}
  </div>`
}

function connectionWords(connection: ConnectionState): string | undefined {
  if (connection === 'lost') return 'The connection is lost. This page connects again by itself.'
  return connection === 'ended' ? 'The server has ended. This page goes on when it is back.' : undefined
}

function noticeView({ kind, text }: Notice, dismiss: () => void): View {
  return html`<p class=${`banner ${kind}`}>
    ${text}<button type="button" class="round" aria-label="Dismiss" onClick=${dismiss}><${Icon} name="close" /></button>
  </p>`
}

/** The time, each second anew. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** Of the browser's tab: how far it is, for those who look at something else meanwhile. */
function titleOf(snapshot: SnapshotView | undefined): string {
  if (snapshot === undefined) return 'Heirloom'
  const { mood, share, title } = headlineOf(snapshot)
  return mood === 'busy' ? `${formatPercent(share)} ${title} – Heirloom` : `${title} – Heirloom`
}
