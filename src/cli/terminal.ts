/**
 * What a full-screen view needs of the terminal beyond {@link Io}: keys as they are pressed, and to know that
 * nobody reads any more.
 *
 * Keys come in raw mode, where Ctrl-C is a key like any other and echo is off. Whoever listens has to stop
 * listening before the process ends, also when it crashes: a shell that is left in raw mode looks dead.
 *
 * @module
 */

export type Key = 'quit' | 'interrupt' | 'up' | 'down' | 'toggle'

export interface Terminal {
  /** False: there is no keyboard, `listen` does nothing. */
  readonly hasKeys: boolean
  /** Calls back on each key that means something; the returned function gives the keyboard back. Safe twice. */
  listen(onKey: (key: Key) => void): () => void
  /** Calls back once stdout's reader has left (`… | head`); the returned function ends that. */
  onReaderGone(callback: () => void): () => void
}

const KEYS: Readonly<Record<string, Key>> = {
  q: 'quit',
  Q: 'quit',
  '\u0003': 'interrupt',
  '\u0004': 'quit',
  '\u001B[A': 'up',
  '\u001BOA': 'up',
  k: 'up',
  '\u001B[B': 'down',
  '\u001BOB': 'down',
  j: 'down',
  '\t': 'down',
  p: 'toggle',
  ' ': 'toggle',
}

const ESCAPE = '\u001B'

/** What was pressed; several keys may come at once when the process was busy. */
export function keysOf(text: string): Key[] {
  const keys: Key[] = []
  for (let at = 0; at < text.length; ) {
    const sequence = sequenceAt(text, at)
    const key = KEYS[sequence]
    if (key !== undefined) keys.push(key)
    at += sequence.length
  }
  return keys
}

/** One character, or a whole escape sequence: the `A` of an arrow key is no letter. */
function sequenceAt(text: string, at: number): string {
  const character = text[at] ?? ''
  if (character !== ESCAPE) return character
  const [rest = ''] = /^(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])/u.exec(text.slice(at + 1)) ?? []
  return character + rest
}

/** The real one. */
export function processTerminal(): Terminal {
  const { stdin, stdout } = process
  return {
    hasKeys: stdin.isTTY === true,
    listen: (onKey) => {
      if (!stdin.isTTY) return () => undefined
      const read = (bytes: Buffer): void => {
        for (const key of keysOf(bytes.toString('utf8'))) onKey(key)
      }
      stdin.setRawMode(true)
      stdin.on('data', read)
      stdin.resume()
      return () => {
        stdin.off('data', read)
        stdin.setRawMode(false)
        // An open stdin would keep the process alive.
        stdin.pause()
      }
    },
    onReaderGone: (callback) => {
      stdout.once('error', callback)
      return () => stdout.off('error', callback)
    },
  }
}
