/**
 * Tells the formats that are made of ISO boxes by the brands of their `ftyp`: HEIC, AVIF, CR3, MP4 and kin.
 *
 * The generic brands (`mif1`, `isom`) say little, so the compatible brands are asked where the major one is
 * generic. Very old QuickTime files have no `ftyp` at all.
 *
 * @module
 */

/** Major or compatible brand to format. `mif1` and `msf1` are asked last: they stand for any HEIF. */
const BRANDS: Readonly<Record<string, string>> = {
  heic: 'heic',
  heix: 'heic',
  heim: 'heic',
  heis: 'heic',
  hevc: 'heic',
  hevx: 'heic',
  hevm: 'heic',
  hevs: 'heic',
  avif: 'avif',
  avis: 'avif',
  'crx ': 'cr3',
  'qt  ': 'mov',
  'M4A ': 'm4a',
  'M4B ': 'm4a',
  'M4P ': 'm4a',
  'M4V ': 'm4v',
  M4VH: 'm4v',
  M4VP: 'm4v',
  'jp2 ': 'jp2',
  'jpx ': 'jp2',
  'jxl ': 'jxl',
}

const PICTURES: ReadonlySet<string | undefined> = new Set(['heic', 'avif', 'cr3'])

/** First boxes of a QuickTime file without `ftyp`. */
const OLD_QUICKTIME = new Set(['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'])

/** The id of a format made of ISO boxes, or undefined when `head` does not start with such a box. */
export function identifyIsoBmff(head: Buffer): string | undefined {
  if (head.length < 12) return undefined
  const sizeBytes = head.readUInt32BE(0)
  const type = head.toString('latin1', 4, 8)
  if (type !== 'ftyp')
    return OLD_QUICKTIME.has(type) && (sizeBytes >= 8 || sizeBytes <= 1) ? 'mov' : undefined
  const [major = '', ...compatible] = brandsOf(head, sizeBytes)
  return byBrands(major, compatible)
}

function brandsOf(head: Buffer, sizeBytes: number): string[] {
  const end = Math.min(sizeBytes, head.length, 1024)
  const brands = [head.toString('latin1', 8, 12)]
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.toString('latin1', at, at + 4))
  return brands
}

function byBrands(major: string, compatible: readonly string[]): string {
  const own = BRANDS[major]
  if (own !== undefined) return own
  if (/^3g2|^3gg/u.test(major)) return '3g2'
  if (/^3g|^MMP4|^mmp4/u.test(major)) return '3gp'
  const picture = compatible.map((brand) => BRANDS[brand]).find((id) => PICTURES.has(id))
  if (major === 'mif1' || major === 'msf1' || major === 'miaf') return picture ?? 'heif'
  return 'mp4'
}
