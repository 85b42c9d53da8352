/**
 * Small pictures, drawn in the colour of the text beside them. They say nothing that words do not.
 *
 * @module
 */

import { html, type View } from './html.ts'

const SHAPES = {
  pause: 'M8 5v14M16 5v14',
  play: 'M8 5l11 7-11 7z',
  retry: 'M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5',
  close: 'M6 6l12 12M18 6L6 18',
  upload: 'M12 16V5M7 9.5L12 4.5l5 5M5 19.5h14',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5',
  sun: 'M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  auto: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 3.5v17M12 8l7 4M12 12.5l7 4',
  back: 'M14.5 5l-7 7 7 7',
  forth: 'M9.5 5l7 7-7 7',
} as const

export function Icon({ name }: { readonly name: keyof typeof SHAPES }): View {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${SHAPES[name]} /></svg>`
}
