/**
 * `match`: pairing the media of one folder with its JSON files, for more and more files.
 *
 * The names are those of a life: camera names in several styles, counters, edits without a JSON, long names that
 * are cut. Linear matching shows as files/s that stay; every pairing is checked against what the names were made
 * from.
 *
 * @module
 */

import { pairFolder } from '../src/exports/google-photos/match.ts'
import { FolderNames } from '../test/support/takeout-names.ts'
import type { BenchArgs } from './args.ts'
import { machine, median } from './measure.ts'
import { perSecond, printTable, seconds } from './print.ts'

interface MatchInput {
  readonly media: string[]
  readonly sidecars: { name: string; title: string }[]
  /** Media name → JSON name. */
  readonly truth: ReadonlyMap<string, string>
}

const SIZES = [1_000, 10_000, 100_000]

export function benchMatch({ rounds, quick, items }: BenchArgs): Promise<void> {
  const sizes = items ?? (quick ? [1_000, 10_000] : SIZES)
  console.log(machine())
  const rows = sizes.map((size) => {
    const input = folderOf(size)
    const times: number[] = []
    let right = 0
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now()
      const pairings = pairFolder(input.media, input.sidecars)
      times.push(performance.now() - startedAt)
      right = input.media.filter((name) => pairings.get(name)?.sidecar === input.truth.get(name)).length
    }
    return [
      input.media.length.toLocaleString('en'),
      input.sidecars.length.toLocaleString('en'),
      seconds(median(times)),
      perSecond(input.media.length, median(times)),
      `${((100 * right) / input.media.length).toFixed(2)} %`,
    ]
  })
  printTable(['media', 'JSON files', 'median', 'media/s', 'paired right'], rows)
  return Promise.resolve()
}

function folderOf(size: number): MatchInput {
  const names = new FolderNames()
  const input = { media: [] as string[], sidecars: [] as { name: string; title: string }[] }
  const truth = new Map<string, string>()
  for (let index = 0; input.media.length < size; index += 1) {
    const title = titleOf(index)
    const { media, json } = names.pair(title, index % 3 === 0 ? 'old' : 'new')
    input.media.push(media)
    input.sidecars.push({ name: json, title })
    truth.set(media, json)
    if (index % 20 !== 0 || input.media.length >= size) continue
    const edited = names.alone(title, '-edited')
    input.media.push(edited)
    truth.set(edited, json)
  }
  return { ...input, truth }
}

function titleOf(index: number): string {
  const day = new Date(Date.UTC(2015, 0, 1) + index * 1_800_000).toISOString()
  const stamp = day.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_')
  switch (index % 5) {
    case 0:
      return `IMG_${stamp}.jpg`
    case 1:
      return `PXL_${stamp}${String(index % 1000).padStart(3, '0')}.MP.jpg`
    case 2:
      return `Screenshot_${stamp}_com.example.messenger.gallery.png`
    case 3:
      // Cameras count to 9999 and begin again: Google tells the photos apart by counters.
      return `DSC_${String(Math.floor(index / 5) % 10_000).padStart(4, '0')}.JPG`
    default:
      return `VID-${stamp}-WA${String(index % 10_000).padStart(4, '0')}.mp4`
  }
}
