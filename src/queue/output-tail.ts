/**
 * The last of what a worker printed, for the message about its death.
 *
 * @module
 */

const KEPT_BYTES = 4_096
const SHOWN_LENGTH = 600

export class OutputTail {
  #kept: Buffer = Buffer.alloc(0)

  add(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk.subarray(-KEPT_BYTES)]).subarray(-KEPT_BYTES)
  }

  /** One line, spaces folded. The error's own line is shown first when there is one: stacks follow it. */
  text(): string {
    const text = this.#kept.toString('utf8')
    const error = /^\S*(?:Error|FATAL ERROR)\b.*$/mu.exec(text)?.[0]
    return (error ?? text.slice(-SHOWN_LENGTH)).replaceAll(/\s+/gu, ' ').trim().slice(0, SHOWN_LENGTH)
  }
}
