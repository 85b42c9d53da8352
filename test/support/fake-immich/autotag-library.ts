/**
 * A family's library for the autotag benchmark, from a seed number, in two acts: as it was when rules were applied
 * last, and what came and what people did in the week after.
 *
 * Between the acts rules have to be applied once: the week empties holding albums that they have made. Then a plan
 * holds what `expectedPlan` says. It also has what must change nothing: archived, hidden and trashed assets, albums of
 * others, wide albums, dates that were corrected before, files without any date, tags that no rule names.
 *
 * @module
 */

import { offsetForLocal } from '../../../src/media/zones.ts'
import { type AutotagMix, sortedOf } from './autotag-mix.ts'
import type { FakeAsset, FakeState, FakeUser } from './fake-state.ts'
import { DAY_MS, dayText, type Event, LibraryMaker } from './library-maker.ts'
import { seeded } from './seeded.ts'

const ZONE = 'Europe/Oslo'
/** Of all of it: what a plan says depends on the seed alone. */
const UPLOADED = '2026-01-02T03:04:05.000Z'
const WEEK = '2026-01-10T03:04:05.000Z'
const FIRST_DAY = Date.UTC(2010, 0, 1)
const DAYS = 5_800

export interface AutotagLibrary {
  readonly user: FakeUser
  /** The second act. */
  week(): void
}

/** The first act, into a state that has nothing but its first user. */
export function fillAutotagLibrary(state: FakeState, mix: AutotagMix, seed: number): AutotagLibrary {
  const [user] = state.users.values()
  if (user === undefined) throw new Error('no user to give a library to')
  return new Library(new LibraryMaker(state, user, seeded(seed), UPLOADED), mix).fill()
}

class Library implements AutotagLibrary {
  readonly user: FakeUser
  readonly #make: LibraryMaker
  readonly #mix: AutotagMix
  readonly #bo: FakeUser
  readonly #eve: FakeUser
  /** In June 2025, two and two next to each other. */
  readonly #pairs: Event[] = []
  /** Of 2010 and 2011: far from all that ends up in them. */
  readonly #far: Event[] = []
  readonly #right: Event[] = []
  readonly #old: Event[] = []
  readonly #twoOld: Event[] = []
  readonly #inTwo: FakeAsset[] = []
  readonly #inWrong: FakeAsset[] = []
  readonly #sorted: FakeAsset[] = []
  #filledDays: number[] = []

  constructor(make: LibraryMaker, mix: AutotagMix) {
    this.user = make.user
    this.#make = make
    this.#mix = mix
    this.#bo = make.state.addUser('bo')
    this.#eve = make.state.addUser('eve')
    for (const name of ['finn', 'gro', 'hal']) make.state.addUser(name)
  }

  fill(): this {
    this.#makeEvents()
    this.#fillInbox()
    this.#fillMistakes()
    this.#fillTopics()
    this.#fillEvents()
    this.#fillBesides()
    return this
  }

  week(): void {
    this.#make.now = WEEK
    this.#unsortedCome()
    this.#datesCome()
    this.#foldersCome()
    this.#inboxIsSorted()
    this.#mistakesAreMended()
  }

  #makeEvents(): void {
    const { albums, inbox, week } = this.#mix
    const june = (at: number): number => Date.UTC(2025, 5, 1) + (at % 28) * DAY_MS
    for (let at = 0; at < 16; at += 1) this.#pairs.push(this.#make.event(june(Math.floor(at / 2)), 2))
    for (let at = 0; at < 10; at += 1) this.#far.push(this.#make.event(FIRST_DAY + at * 40 * DAY_MS, 2))
    for (let at = 0; at < 5; at += 1) this.#right.push(this.#make.event(Date.UTC(2019, 6, 1 + 5 * at), 3))
    for (let at = 0; at < 4; at += 1)
      this.#twoOld.push(this.#make.event(Date.UTC(2018, 4, 1 + Math.floor(at / 2)), 2))
    const byTool = inbox.emptied[0] + inbox.thinned[0] + inbox.filled[0]
    const { unshared, viewers, strangers } = week.reunions
    const wide = Math.ceil(albums / 110)
    const left = albums - this.#make.state.albums.size - byTool - unshared - viewers - strangers - wide
    for (let at = 0; at < left; at += 1) {
      this.#old.push(
        this.#make.event(FIRST_DAY + this.#make.random.below(DAYS) * DAY_MS, 1 + this.#make.random.below(4)),
      )
    }
    for (let at = 0; at < wide; at += 1) this.#make.album(`Family ${at + 1}`)
  }

  /** Days of 2025 near June, each to get a holding album. */
  #fillInbox(): void {
    const { emptied, thinned, filled } = this.#mix.inbox
    const kinds: [days: number, leave: number, stay: number][] = [
      [emptied[0], emptied[1], 0],
      thinned,
      [filled[0], 0, filled[1]],
    ]
    let day = 0
    for (const [days, leave, stay] of kinds) {
      for (const last = day + days; day < last; day += 1) {
        this.#sorted.push(...this.#make.photos(leave, inboxDay(day)))
        this.#make.photos(stay, inboxDay(day))
      }
    }
    this.#filledDays = Array.from({ length: filled[0] }, (_, at) => inboxDay(day - filled[0] + at))
  }

  #fillMistakes(): void {
    const { outOfTwo, outOfWrong } = this.#mix.week
    for (let at = 0; at < outOfTwo; at += 1) {
      const [one, two] = pairAt(this.#twoOld, at)
      const [asset] = this.#make.photos(1, one.dayMs) as [FakeAsset]
      this.#make.put([asset], one)
      this.#make.put([asset], two)
      this.#inTwo.push(asset)
    }
    for (let at = 0; at < outOfWrong; at += 1) {
      const [asset] = this.#make.photos(1, itemAt(this.#right, at).dayMs) as [FakeAsset]
      this.#make.put([asset], itemAt(this.#far, at))
      this.#inWrong.push(asset)
    }
  }

  /** Tagged, in no event. Sizes of the tags as Zipf has them: the first one's, a half, a third… */
  #fillTopics(): void {
    const { tags, assets: count, memberships } = this.#mix.topics
    const assets = Array.from({ length: count }, (_, at) => this.#topicFile(at, count))
    const harmonic = Array.from({ length: tags }, (_, k) => 1 / (k + 1)).reduce((sum, one) => sum + one, 0)
    let from = 0
    for (let k = 1; k <= tags; k += 1) {
      const size = Math.min(count, Math.max(1, Math.round(memberships / harmonic / k)))
      this.#make.tag(
        topic(k),
        Array.from({ length: size }, (_, at) => itemAt(assets, from + at)),
      )
      from = (from + size) % count
    }
    this.#make.tag('kind/scan', assets.slice(0, Math.round(count / 4)))
    this.#make.tag('auto/skip', assets.slice(-Math.ceil(count / 120)))
    for (let at = 0; at < this.#mix.duplicates; at += 1) {
      const duplicateId = this.#make.random.uuid()
      const favourite = at % 5 === 0
      for (const asset of assets.slice(at * 2, at * 2 + 2))
        Object.assign(asset, { duplicateId, isFavorite: favourite })
    }
  }

  #topicFile(at: number, count: number): FakeAsset {
    const dayMs = FIRST_DAY + this.#make.random.below(DAYS) * DAY_MS
    const visibility = at % 30 === 0 ? 'archive' : 'timeline'
    if (at < count * 0.75) return this.#make.photo(dayMs, { visibility })
    // Corrected by an earlier run, or nothing to correct it by.
    if (at % 4 === 0) return this.#make.file({}, { fileName: `scan${at}.jpg`, fileCreatedAt: UPLOADED })
    const local = `${dayText(dayMs)}T00:00:00`
    const offset = offsetForLocal(ZONE, local) ?? 0
    const instant = new Date(dayMs - offset * 60_000).toISOString()
    const exif = { dateTimeOriginal: instant, timeZone: `UTC+${offset / 60}` }
    return this.#make.file(exif, { fileName: whatsappName(dayMs, at), fileCreatedAt: instant })
  }

  /** The rest of what there is before the week; each event gets some. */
  #fillEvents(): void {
    const { assets, week } = this.#mix
    const [whatsapp, newFolders, knownFolders] = [week.whatsapp, week.newFolders, week.knownFolders].map(
      ([groups, each]) => groups * each,
    ) as [number, number, number]
    const later = week.unsorted + whatsapp + week.pixel + newFolders + knownFolders
    const events = [...this.#old, ...this.#pairs, ...this.#far, ...this.#right, ...this.#twoOld]
    for (let at = 0; this.#make.count < assets - later; at += 1) {
      const event = at < events.length ? itemAt(events, at) : this.#make.random.pick(events)
      const dayMs = event.dayMs + this.#make.random.below(event.days) * DAY_MS
      this.#make.put([this.#make.photo(dayMs, { visibility: at % 40 === 0 ? 'archive' : 'timeline' })], event)
    }
  }

  /** What is not to be touched, some of it in the way. */
  #fillBesides(): void {
    const all = [...this.#make.state.assets.values()]
    // Nothing happens to them: else nearly all wide albums would look changed.
    const calm = all.filter(({ tagIds }) => tagIds.size > 0)
    for (const album of this.#make.state.albums.values()) {
      if (album.name.startsWith('Family ')) {
        this.#make.put(
          Array.from({ length: 50 + this.#make.random.below(150) }, () => this.#make.random.pick(calm)),
          { album },
        )
      }
    }
    const count = this.#make.count
    for (let at = 0; at < count / 100; at += 1) {
      const event = this.#make.random.pick(this.#old)
      this.#make.put(
        [this.#make.photo(event.dayMs, at % 2 === 0 ? { visibility: 'hidden' } : { deletedAt: UPLOADED })],
        event,
      )
    }
    for (let at = 0; at < 5; at += 1) {
      const shared = {
        sharedWith: new Set([this.user.id]),
        roles: new Map([[this.user.id, 'viewer' as const]]),
      }
      const album = this.#make.album(`Garden of Bo ${at + 1}`, { ownerId: this.#bo.id, ...shared })
      this.#make.put(
        Array.from({ length: 20 }, () => this.#make.photo(FIRST_DAY, { ownerId: this.#bo.id })),
        { album },
      )
    }
    this.#make.count = count
    for (let at = 0; at < 60; at += 1) this.#make.tag(`people/${at}`, all.slice(at * 10, at * 10 + 80))
  }

  #unsortedCome(): void {
    const { unsorted, unsortedScans } = this.#mix.week
    const { newDays } = this.#mix.inbox
    const known = this.#mix.inbox.emptied[0] + this.#mix.inbox.thinned[0] + this.#filledDays.length
    const days = [...this.#filledDays, ...Array.from({ length: newDays }, (_, at) => inboxDay(known + at))]
    const assets = Array.from({ length: unsorted }, (_, at) => this.#make.photo(itemAt(days, at)))
    this.#make.tag('scan', assets.slice(0, unsortedScans))
  }

  /** From messengers and phones, the files' own dates lost; somebody has tagged them. */
  #datesCome(): void {
    const { whatsapp, pixel } = this.#mix.week
    const come = (fileName: string): FakeAsset => this.#make.file({}, { fileName, fileCreatedAt: WEEK })
    const assets: FakeAsset[] = []
    for (let day = 0; day < whatsapp[0]; day += 1) {
      const dayMs = Date.UTC(2023, 0, 3) + day * 3 * DAY_MS
      for (let each = 0; each < whatsapp[1]; each += 1) assets.push(come(whatsappName(dayMs, each)))
    }
    for (let at = 0; at < pixel; at += 1) {
      const text = new Date(Date.UTC(2024, 0, 1) + at * 5 * DAY_MS + at * 61_000).toISOString()
      assets.push(
        come(`PXL_${text.slice(0, 10).replaceAll('-', '')}_${text.slice(11, 19).replaceAll(':', '')}123.jpg`),
      )
    }
    assets.forEach((asset, at) => {
      this.#make.tag(topic(1 + (at % this.#mix.topics.tags)), [asset])
    })
    this.#make.tag('scan', assets)
  }

  #foldersCome(): void {
    const { newFolders, knownFolders } = this.#mix.week
    const into = (name: string, dayMs: number, count: number): void => {
      for (let at = 0; at < count; at += 1) {
        const fileName = `DSC_${this.#make.count}.jpg`
        this.#make.photo(dayMs, { fileName, originalPath: `/mnt/import/${name}/${fileName}` })
      }
    }
    for (let at = 0; at < newFolders[0]; at += 1) {
      const dayMs = Date.UTC(2024, 3, 1) + at * DAY_MS
      into(`${dayText(dayMs)} Journey ${at + 1}`, dayMs, newFolders[1])
    }
    for (let at = 0; at < knownFolders[0]; at += 1) {
      const { album, dayMs } = itemAt(this.#old, at * 7)
      into(album.name, dayMs, knownFolders[1])
    }
  }

  /** By hand: into two albums at once, into wrong ones, into new ones for the reunions, the rest into one each. */
  #inboxIsSorted(): void {
    const { intoTwo, intoWrong, reunions } = this.#mix.week
    const assets = [...this.#sorted]
    if (assets.length !== sortedOf(this.#mix.inbox)) throw new Error(`${assets.length} are in the inbox`)
    assets.splice(0, intoTwo).forEach((asset, at) => {
      for (const event of pairAt(this.#pairs.slice(0, 12), at)) this.#make.put([asset], event)
    })
    assets.splice(0, intoWrong).forEach((asset, at) => {
      this.#make.put([asset], itemAt(this.#far, at))
    })
    const albums = [
      ...this.#reunions(reunions.unshared, new Map()),
      ...this.#reunions(reunions.viewers, new Map([[this.#bo.id, 'viewer']])),
      ...this.#reunions(
        reunions.strangers,
        new Map([
          [this.#bo.id, 'editor'],
          [this.#eve.id, 'viewer'],
        ]),
      ),
    ]
    const homes = [...albums, ...this.#pairs.slice(12)]
    assets.forEach((asset, at) => {
      this.#make.put([asset], itemAt(homes, at))
    })
  }

  #reunions(count: number, roles: ReadonlyMap<string, 'viewer' | 'editor'>): Pick<Event, 'album'>[] {
    return Array.from({ length: count }, (_, at) => {
      const day = dayText(Date.UTC(2025, 5, 1 + (at % 28)))
      const name = `${day} Reunion ${this.#make.state.albums.size + 1}`
      return { album: this.#make.album(name, { sharedWith: new Set(roles.keys()), roles: new Map(roles) }) }
    })
  }

  #mistakesAreMended(): void {
    this.#inTwo.forEach((asset, at) => {
      pairAt(this.#twoOld, at)[1].album.assetIds.delete(asset.id)
    })
    this.#inWrong.forEach((asset, at) => {
      itemAt(this.#far, at).album.assetIds.delete(asset.id)
      this.#make.put([asset], itemAt(this.#right, at))
    })
  }
}

function topic(k: number): string {
  return `topic/${String(k).padStart(2, '0')}`
}

function whatsappName(dayMs: number, at: number): string {
  return `IMG-${dayText(dayMs).replaceAll('-', '')}-WA${String(at % 10_000).padStart(4, '0')}.jpg`
}

/** From March on, every second day: none further than half a year from June. */
function inboxDay(at: number): number {
  return Date.UTC(2025, 2, 1) + at * 2 * DAY_MS
}

/** Goes round. */
function itemAt<T>(list: readonly T[], at: number): T {
  const item = list[at % list.length]
  if (item === undefined) throw new Error('nothing to take')
  return item
}

function pairAt<T>(list: readonly T[], at: number): [T, T] {
  const start = (at * 2) % (list.length - 1)
  const even = start - (start % 2)
  return [itemAt(list, even), itemAt(list, even + 1)]
}
