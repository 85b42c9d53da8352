/**
 * Light or dark: as the system has it, or as it was chosen here. Runs before anything is drawn.
 *
 * @module
 */

const KEY = 'heirloom-theme'

try {
  const theme = localStorage.getItem(KEY)
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme
} catch {
  // Storage may be forbidden: then it is as the system has it.
}
