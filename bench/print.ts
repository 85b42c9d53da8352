/**
 * Tables and verdicts on the terminal.
 *
 * @module
 */

/** Columns as wide as their widest cell; the first is flush left, numbers flush right. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  for (const row of [header, ...rows]) {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? ''
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    console.log(cells.join('   '))
  }
}

/** `met` or `MISSED`, with the value and the target in words. */
export function printVerdict(what: string, value: string, target: string, isMet: boolean): void {
  console.log(`${what}: ${value} (target ${target}: ${isMet ? 'met' : 'MISSED'})`)
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

export function perSecond(count: number, milliseconds: number): string {
  const rate = (count * 1000) / milliseconds
  return rate >= 100 ? Math.round(rate).toLocaleString('en') : rate.toFixed(1)
}
