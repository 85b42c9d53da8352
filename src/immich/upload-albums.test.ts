import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ImmichApi, ServerAlbum } from './api.ts'
import { NotFoundError, RejectedError, UnreachableError } from './immich-errors.ts'
import { fillAlbums } from './upload-albums.ts'
import type { MemberState, OpenAlbum, UploadJournal } from './upload-journal.ts'

interface Member {
  readonly assetId: number
  readonly remoteId: string
  state: 'planned' | MemberState
}

/** The catalog's side, in memory. */
class Journal {
  readonly albums: Map<number, { album: OpenAlbum; members: Member[] }> = new Map()

  plan(id: number, name: string, remoteIds: readonly string[]): this {
    const members = remoteIds.map((remoteId, at): Member => ({ assetId: at + 1, remoteId, state: 'planned' }))
    this.albums.set(id, { album: { id, name, state: 'planned' }, members })
    return this
  }

  stateOf(id: number): readonly string[] {
    return this.albums.get(id)?.members.map(({ state }) => state) ?? []
  }

  open(): UploadJournal {
    const of = (id: number) => {
      const one = this.albums.get(id)
      assert.ok(one)
      return one
    }
    const journal: Partial<UploadJournal> = {
      openAlbums: async ({ after }) =>
        [...this.albums.values()]
          .filter(
            ({ album, members }) => album.id > after && members.some(({ state }) => state === 'planned'),
          )
          .map(({ album }) => album),
      intendAlbum: async (id) => {
        of(id).album = { ...of(id).album, state: 'intended' }
      },
      linkAlbum: async (id, remoteId) => {
        const one = of(id)
        if (one.album.remoteId !== remoteId) for (const member of one.members) member.state = 'planned'
        one.album = { ...one.album, state: 'linked', remoteId }
      },
      openMembers: async (id, { after }) =>
        of(id).members.filter(({ assetId, state }) => assetId > after && state === 'planned'),
      settleMembers: async (id, settled) => {
        for (const { assetId, state } of settled) {
          const member = of(id).members.find((one) => one.assetId === assetId)
          if (member !== undefined) member.state = state
        }
      },
    }
    return journal as UploadJournal
  }
}

/** The server's side: albums by id. `onAdd` strikes before each adding. */
class Server {
  readonly albums: Map<string, { name: string; members: string[] }> = new Map()
  readonly signals: (AbortSignal | undefined)[] = []
  #made = 0
  onAdd: (albumId: string) => void = () => undefined
  onCreate: (name: string) => void = () => undefined

  api(): ImmichApi {
    const shape = (id: string): ServerAlbum => {
      const { name = '', members = [] } = this.albums.get(id) ?? {}
      return { id, name, description: '', assetCount: members.length, isOwned: true }
    }
    const api: Partial<ImmichApi> = {
      albums: async () => [...this.albums.keys()].map(shape),
      createAlbum: async ({ name }, signal) => {
        this.signals.push(signal)
        this.onCreate(name)
        this.#made += 1
        const id = `${name}-${this.#made}`
        this.albums.set(id, { name, members: [] })
        return shape(id)
      },
      addToAlbum: async (albumId, assetIds, signal) => {
        this.signals.push(signal)
        this.onAdd(albumId)
        const album = this.albums.get(albumId)
        if (album === undefined) throw new NotFoundError('adding', 'Not found or no album access', 400)
        album.members.push(...assetIds)
        return assetIds.map((assetId) => ({ assetId, outcome: 'added' as const }))
      },
    }
    return api as ImmichApi
  }

  contents(): Record<string, string[]> {
    return Object.fromEntries([...this.albums.values()].map(({ name, members }) => [name, members]))
  }
}

describe('filling albums', () => {
  test('an album that is deleted in the middle is made again, and filled from the beginning', async () => {
    const journal = new Journal().plan(1, 'Trip', ['a', 'b']).plan(2, 'Beach', ['c'])
    const server = new Server()
    let deleted = 0
    server.onAdd = (id) => {
      if (deleted > 0) return
      deleted += 1
      server.albums.delete(id)
    }
    const filled = await fillAlbums(server.api(), journal.open())
    assert.deepEqual(server.contents(), { Trip: ['a', 'b'], Beach: ['c'] })
    assert.deepEqual(filled, { made: 3, added: 3, refused: 0 })
    assert.equal(journal.albums.get(1)?.album.state, 'linked')
  })

  test('one that the server refuses does not hold the others back, and is told', async () => {
    const journal = new Journal().plan(1, 'Bad', ['a']).plan(2, 'Good', ['b'])
    const server = new Server()
    server.onCreate = (name) => {
      if (name === 'Bad') throw new RejectedError('creating', 'name is bad', 400)
    }
    await assert.rejects(fillAlbums(server.api(), journal.open()), RejectedError)
    assert.deepEqual(server.contents(), { Good: ['b'] })
    assert.deepEqual([journal.stateOf(1), journal.stateOf(2)], [['planned'], ['done']])
  })

  test('a server that is away ends it at once', async () => {
    const journal = new Journal().plan(1, 'One', ['a']).plan(2, 'Two', ['b'])
    const server = new Server()
    let asked = 0
    server.onAdd = () => {
      asked += 1
      throw new UnreachableError('http://nas', 'gone')
    }
    await assert.rejects(fillAlbums(server.api(), journal.open()), UnreachableError)
    assert.equal(asked, 1)
  })

  test('an album that is nowhere to be filled is given up after the second attempt', async () => {
    const journal = new Journal().plan(1, 'Ghost', ['a'])
    const server = new Server()
    let asked = 0
    server.onAdd = () => {
      asked += 1
      throw new NotFoundError('adding', 'no access', 400)
    }
    await assert.rejects(fillAlbums(server.api(), journal.open()), NotFoundError)
    assert.equal(asked, 2)
  })

  test('what is cancelled while an album is made does not ask the server any more', async () => {
    const journal = new Journal().plan(1, 'Trip', ['a'])
    const server = new Server()
    const ending = new AbortController()
    server.onCreate = () => {
      ending.abort(new Error('ended'))
      throw new UnreachableError('http://nas', 'closed')
    }
    await assert.rejects(fillAlbums(server.api(), journal.open(), ending.signal), /^Error: ended$/u)
    assert.deepEqual(server.signals, [ending.signal])
    assert.equal(journal.albums.get(1)?.album.state, 'intended')
  })
})
