/**
 * The button that changes between the system's colours, light and dark.
 *
 * @module
 */

import { useState } from 'preact/hooks'
import { html, type View } from './html.ts'
import { Icon } from './icons.ts'

type Theme = 'auto' | 'light' | 'dark'

/** As in `theme.ts`. */
const KEY = 'heirloom-theme'
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }
const ICONS = { auto: 'auto', light: 'sun', dark: 'moon' } as const
const WORDS = { auto: 'as the system has it', light: 'light', dark: 'dark' } as const

export function ThemeButton(): View {
  const [theme, setTheme] = useState<Theme>(currentTheme)
  const change = (): void => {
    const next = NEXT[theme]
    setTheme(next)
    apply(next)
  }
  const label = `Colours: ${WORDS[theme]}. Change to ${WORDS[NEXT[theme]]}`
  return html`<button type="button" class="round" aria-label=${label} title=${label} onClick=${change}>
    <${Icon} name=${ICONS[theme]} />
  </button>`
}

function currentTheme(): Theme {
  const theme = document.documentElement.dataset['theme']
  return theme === 'light' || theme === 'dark' ? theme : 'auto'
}

function apply(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // Storage may be forbidden: then it holds until the page is closed.
  }
}
