/**
 * The newest thumbnails as a wall, and a closer look at one of them.
 *
 * @module
 */

import { useEffect, useRef, useState } from 'preact/hooks'
import { thumbHashToDataURL } from 'thumbhash'
import type { WallPhoto } from '../../tasks/dashboard-wall.ts'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

export function Wall({
  photos,
  children,
}: {
  readonly photos: readonly WallPhoto[]
  readonly children?: unknown
}): View {
  const [shownId, setShownId] = useState<string | undefined>(undefined)
  const at = photos.findIndex(({ id }) => id === shownId)
  return html`<section class="card wall" aria-labelledby="wall-title">
    <header><h2 id="wall-title">Newest photos</h2></header>
    ${children}
    ${
      photos.length === 0
        ? html`<p class="empty">No thumbnails yet. They appear here as soon as they are made.</p>`
        : html`<ul class="tiles">
            ${photos.map((photo) => html`<${Tile} key=${photo.id} photo=${photo} onShow=${setShownId} />`)}
          </ul>`
    }
    ${
      at >= 0 &&
      html`<${CloserLook}
        photo=${photos[at]}
        onClose=${() => setShownId(undefined)}
        onStep=${(by: number) => setShownId(photos[(at + by + photos.length) % photos.length]?.id)}
      />`
    }
  </section>`
}

function Tile({ photo, onShow }: { readonly photo: WallPhoto; readonly onShow: (id: string) => void }): View {
  const { id, fileName, widthPx, heightPx, thumbhash } = photo
  const [blur] = useState(() => blurOf(thumbhash))
  const ratio = widthPx / heightPx
  const open = (event: MouseEvent): void => {
    // A new tab, a download: the browser's business.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    onShow(id)
  }
  return html`<li style=${{ flexGrow: ratio, flexBasis: `calc(${ratio.toFixed(3)} * var(--row))` }}>
    <a href=${`/api/photos/${id}/file`} title=${fileName} onClick=${open}>
      <img
        src=${addressOf(photo, photo.size)}
        alt=${fileName}
        loading="lazy"
        decoding="async"
        width=${widthPx}
        height=${heightPx}
        style=${blur === undefined ? {} : { backgroundImage: `url(${blur})` }}
      />
    </a>
  </li>`
}

interface CloserLookProps {
  readonly photo: WallPhoto
  readonly onClose: () => void
  readonly onStep: (by: number) => void
}

function CloserLook({ photo, onClose, onStep }: CloserLookProps): View {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (by !== undefined) onStep(by)
  }
  const closeBeside = (event: MouseEvent): void => {
    if (event.target === dialog.current) dialog.current?.close()
  }
  return html`<dialog class="look" ref=${dialog} aria-label=${photo.fileName} onClose=${onClose} onKeyDown=${step} onClick=${closeBeside}>
    <img src=${addressOf(photo, photo.largeSize)} alt=${photo.fileName} width=${photo.widthPx} height=${photo.heightPx} />
    <footer>
      <button type="button" class="round" aria-label="Previous photo" onClick=${() => onStep(-1)}><${Icon} name="back" /></button>
      <button type="button" class="round" aria-label="Next photo" onClick=${() => onStep(1)}><${Icon} name="forth" /></button>
      <b>${photo.fileName}</b>
      <a href=${`/api/photos/${photo.id}/file`} target="_blank" rel="noreferrer">Original</a>
      <button type="button" class="round" aria-label="Close" onClick=${() => dialog.current?.close()}><${Icon} name="close" /></button>
    </footer>
  </dialog>`
}

function addressOf({ id }: WallPhoto, size: number): string {
  return `/api/photos/${id}/thumbnails/${size}`
}

function blurOf(thumbhash: string | undefined): string | undefined {
  if (thumbhash === undefined) return undefined
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(thumbhash), (letter) => letter.charCodeAt(0)))
  } catch {
    // A damaged hash is no reason for a page without pictures.
    return undefined
  }
}
