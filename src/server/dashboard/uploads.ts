/**
 * Adding photos: dropped anywhere on the page, or chosen; with progress, and the reason of what was refused.
 *
 * @module
 */

import { useEffect, useRef, useState } from 'preact/hooks'
import { formatBytes, formatCount, pluralize } from '../../units.ts'
import type { RoleView } from '../dashboard-events.ts'
import { wordsOf } from './actions.ts'
import { formatPercent } from './headline.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'
import {
  type BatchAnswer,
  MAX_REQUESTS,
  nextBatch,
  type QueuedFile,
  refuseBatch,
  settleBatch,
  totalsOf,
} from './upload-queue.ts'

/** Refused files that are told one by one. */
const REASONS_SHOWN = 5

export function Uploads({ role }: { readonly role: RoleView }): View {
  const { files, sentBytes, add } = useUploads()
  const input = useRef<HTMLInputElement>(null)
  const isOpen = role.kind === 'working'
  const isOver = useDrop(isOpen, add)
  const choose = (): void => {
    const chosen = input.current
    if (chosen?.files) add([...chosen.files])
    if (chosen) chosen.value = ''
  }
  return html`<div class=${`drop ${isOver ? 'over' : ''}`}>
    <div class="drop-row">
      <button type="button" class="primary" disabled=${!isOpen} onClick=${() => input.current?.click()}>
        <${Icon} name="upload" />Add photos
      </button>
      <p>${isOpen ? 'or drop them anywhere on this page' : 'Photos can be added when the other process is done.'}</p>
    </div>
    <input ref=${input} type="file" multiple accept="image/*,video/*" hidden onChange=${choose} />
    ${files.length > 0 && progress(files, sentBytes)}
    ${isOver && html`<div class="drop-veil" aria-hidden="true"><p>Drop to add</p></div>`}
  </div>`
}

function progress(files: readonly QueuedFile[], sentBytes: number): View {
  const { files: count, settled, failed, known, totalBytes } = totalsOf(files)
  const share = totalBytes === 0 ? 1 : Math.min(1, sentBytes / totalBytes)
  const isDone = settled === count
  const refused = files.filter(({ state }) => state === 'failed').slice(0, REASONS_SHOWN)
  const words = isDone
    ? `${pluralize(count - failed, 'photo')} added${known > 0 ? `, ${formatCount(known)} of them were here already` : ''}`
    : `${formatCount(settled)} of ${formatCount(count)} sent, ${formatPercent(share)} of ${formatBytes(totalBytes)}`
  return html`<div class="drop-progress">
    <span class="bar thin" aria-hidden="true"><span style=${{ width: `${(isDone ? 1 : share) * 100}%` }}></span></span>
    <p role="status">${words}${failed > 0 && html`, <b class="bad">${formatCount(failed)} refused</b>`}</p>
    ${refused.map(({ id, name, reason }) => html`<p key=${id} class="refused"><b>${name}</b>: ${reason}</p>`)}
  </div>`
}

interface Sending {
  readonly files: readonly QueuedFile[]
  readonly sentBytes: number
  readonly add: (files: readonly File[]) => void
}

/** The list, what was sent of it, and the requests behind both. */
function useUploads(): Sending {
  const [files, setFiles] = useState<readonly QueuedFile[]>([])
  const [sentBytes, setSentBytes] = useState(0)
  const state = useRef({
    files: [] as readonly QueuedFile[],
    bytes: new Map<number, number>(),
    contents: new Map<number, File>(),
    lastId: 0,
    requests: 0,
  })
  const put = (changed: readonly QueuedFile[]): void => {
    const byId = new Map(changed.map((file) => [file.id, file]))
    state.current.files = state.current.files.map((file) => byId.get(file.id) ?? file)
    setFiles(state.current.files)
  }
  const sendNext = (): void => {
    const now = state.current
    if (now.requests >= MAX_REQUESTS) return
    const batch = nextBatch(now.files)
    const [first] = batch
    if (first === undefined) return
    now.requests += 1
    put(batch.map((file) => ({ ...file, state: 'sending' })))
    const contents = batch.flatMap(({ id }) => now.contents.get(id) ?? [])
    const tell = (sent: number): void => {
      now.bytes.set(first.id, sent)
      setSentBytes([...now.bytes.values()].reduce((sum, one) => sum + one, 0))
    }
    void send(contents, tell).then((outcome) => {
      const settled = typeof outcome === 'string' ? refuseBatch(batch, outcome) : settleBatch(batch, outcome)
      const done = settled.filter(({ state: became }) => became !== 'waiting')
      tell(done.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
      put(settled)
      for (const { id } of done) now.contents.delete(id)
      now.requests -= 1
      sendNext()
    })
    sendNext()
  }
  const add = (chosen: readonly File[]): void => {
    const now = state.current
    // A new list begins when the one before is done.
    if (now.requests === 0) {
      now.files = []
      now.bytes.clear()
    }
    const added = chosen.map((file): QueuedFile => {
      now.lastId += 1
      now.contents.set(now.lastId, file)
      return { id: now.lastId, name: file.name, sizeBytes: file.size, state: 'waiting' }
    })
    now.files = [...now.files, ...added]
    setFiles(now.files)
    sendNext()
  }
  return { files, sentBytes, add }
}

/** The server's answer, or why there is none. An XMLHttpRequest, because `fetch` does not tell how much was sent. */
function send(files: readonly File[], onSent: (bytes: number) => void): Promise<BatchAnswer | string> {
  const form = new FormData()
  for (const file of files) form.append('file', file, file.name)
  return new Promise((resolve) => {
    const request = new XMLHttpRequest()
    request.open('POST', '/api/uploads/direct')
    request.responseType = 'json'
    request.upload.onprogress = ({ loaded }) => onSent(loaded)
    request.onerror = () => resolve('the server cannot be reached')
    request.onload = () => {
      const { status, response } = request
      if (status < 300) resolve(response as BatchAnswer)
      else resolve(wordsOf(response) ?? `the server answered ${status}`)
    }
    request.send(form)
  })
}

/** Makes the whole page a place to drop files on; true while some are held over it. */
function useDrop(isOpen: boolean, add: (files: readonly File[]) => void): boolean {
  const [isOver, setIsOver] = useState(false)
  const latest = useRef({ isOpen, add })
  latest.current = { isOpen, add }
  useEffect(() => {
    // Every element that is crossed tells of an entry and a leaving.
    let depth = 0
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false
    const change = (event: DragEvent, by: number): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      depth = Math.max(0, depth + by)
      setIsOver(depth > 0 && latest.current.isOpen)
    }
    const enter = (event: DragEvent): void => change(event, 1)
    const leave = (event: DragEvent): void => change(event, -1)
    const over = (event: DragEvent): void => change(event, 0)
    const drop = (event: DragEvent): void => {
      change(event, -depth)
      if (latest.current.isOpen && event.dataTransfer) latest.current.add([...event.dataTransfer.files])
    }
    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop } as const
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name as 'drop', listener)
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name as 'drop', listener)
    }
  }, [])
  return isOver
}
