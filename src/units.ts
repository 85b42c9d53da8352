/**
 * Numbers with units: how people write them and how they are shown.
 *
 * @module
 */

const BYTE_FACTORS: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 1024,
  m: 1e6,
  mb: 1e6,
  mib: 1024 ** 2,
  g: 1e9,
  gb: 1e9,
  gib: 1024 ** 3,
  t: 1e12,
  tb: 1e12,
  tib: 1024 ** 4,
}

const DURATION_FACTORS_MS: Record<string, number> = { '': 1, ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 }

/** Parses `2GiB`, `500 MB` or `1024` to bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTE_FACTORS)
}

/** Parses `30s`, `5m` or `250` (milliseconds) to milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text, DURATION_FACTORS_MS)
}

function parseQuantity(text: string, factors: Record<string, number>): number | undefined {
  const { amount = '', unit = '' } =
    /^\s*(?<amount>\d+(?:\.\d+)?)\s*(?<unit>[a-z]*)\s*$/iu.exec(text)?.groups ?? {}
  const factor = factors[unit.toLowerCase()]
  return amount === '' || factor === undefined ? undefined : Math.round(Number(amount) * factor)
}

/** `1.4 MB`: decimal units, as disks and file managers count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `850 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
  const minutes = Math.round(ms / 60_000)
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** `12,345` everywhere, whatever the machine's locale. */
export function formatCount(count: number): string {
  // By hand: the first `toLocaleString` of a process loads ICU data for 15 ms.
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/gu, ',')
}

/** `1 file`, `12,345 files`; the plural is the singular with an s unless given. */
export function pluralize(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}
