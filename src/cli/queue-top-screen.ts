/**
 * The full screen of `heirloom queue top`: draws, takes keys, and gives the terminal back however it ends.
 *
 * The picture lies on the terminal's alternate screen, so that what stood there before is there again afterwards.
 * Everything that was changed (that screen, the cursor, raw keys) is undone at `close`, and before the process
 * leaves for another reason; only SIGKILL gives no chance to.
 *
 * @module
 */

import type { ViewSize } from './gauge.ts'
import type { Io } from './io.ts'
import type { Paint } from './paint.ts'
import type { Key, Terminal } from './terminal.ts'

const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'
const HOME = '\u001B[H'
const CLEAR_LINE = '\u001B[2K'
const CLEAR_BELOW = '\u001B[J'

export interface Screen {
  /** Draws at once, and again when the window changes its size. */
  draw(render: (size: ViewSize, paint: Paint) => readonly string[]): void
  /** Safe twice. */
  close(): void
}

export function openScreen(io: Io, terminal: Terminal, paint: Paint, onKey: (key: Key) => void): Screen {
  const { stdout } = io
  let latest: ((size: ViewSize, paint: Paint) => readonly string[]) | undefined
  let isOpen = true
  const draw = (): void => {
    if (latest === undefined || !isOpen) return
    const size = stdout.size()
    const lines = latest(size, paint).slice(0, size.rows)
    // Cleared before it is written: after a line that fills the row, "clear to the end" takes its last cell.
    const text = lines.map((line) => `${CLEAR_LINE}${line}`).join('\r\n')
    stdout.write(`${HOME}${text}${lines.length < size.rows ? `\r\n${CLEAR_BELOW}` : ''}`)
  }
  const endResize = stdout.onResize(draw)
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    endResize()
    endKeys()
    endExit()
    stdout.write(LEAVE)
  }
  const endExit = io.onExit(close)
  stdout.write(ENTER)
  const endKeys = terminal.listen(onKey)
  return {
    draw: (render) => {
      latest = render
      draw()
    },
    close,
  }
}
