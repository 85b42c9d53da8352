import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { HeirloomError, type Recovery } from '../errors.ts'
import type { ImmichApi, UploadedFile, UploadFile } from './api.ts'
import type { UnitFile, UploadUnit } from './upload-plan.ts'
import { uploadUnit } from './upload-unit.ts'

class ServerError extends HeirloomError {
  readonly code = 'test/server'
  readonly recovery: Recovery

  constructor(recovery: Recovery) {
    super('the server said no')
    this.recovery = recovery
  }
}

const XMP =
  '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
  '<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure="+1"/>' +
  '</rdf:RDF></x:xmpmeta>'

let root: string
before(() => {
  root = mkdtempSync(join(tmpdir(), 'heirloom-unit-'))
  for (const name of ['clip.mov', 'still.heic']) writeFileSync(join(root, name), 'x'.repeat(10))
  writeFileSync(join(root, 'still.heic.xmp'), XMP)
})
after(() => rmSync(root, { recursive: true }))

function unitFile(assetId: number, path: string, changes: Partial<UnitFile> = {}): UnitFile {
  return {
    assetId,
    path,
    upload: {
      fileName: path,
      sizeBytes: 10,
      sha1: `${assetId}`.repeat(40),
      createdAt: '2021-07-04T22:30:05+02:00',
    },
    told: { favourite: false, archived: false },
    ...changes,
  }
}

const LIVE: UploadUnit = {
  assetId: 1,
  files: [unitFile(2, 'clip.mov'), unitFile(1, 'still.heic', { clip: { assetId: 2 } })],
  sizeBytes: 20,
}

/** Takes everything, unless `answer` says otherwise for the n-th file. */
function server(answer: (index: number) => UploadedFile | Error | undefined = () => undefined): {
  readonly api: ImmichApi
  readonly sent: UploadFile[]
} {
  const sent: UploadFile[] = []
  const upload = async (file: UploadFile): Promise<UploadedFile> => {
    const said = answer(sent.length)
    sent.push(file)
    if (said instanceof Error) throw said
    return said ?? { assetId: `remote-${sent.length}`, status: 'created' }
  }
  // Nothing else of the server is asked for.
  return { api: { upload } as unknown as ImmichApi, sent }
}

describe('uploadUnit', () => {
  test('gives the still the id that its video got', async () => {
    const { api, sent } = server()
    const { settled, failure } = await uploadUnit(LIVE, api, root)
    assert.deepEqual(
      sent.map(({ fileName, livePhotoVideoId }) => [fileName, livePhotoVideoId]),
      [
        ['clip.mov', undefined],
        ['still.heic', 'remote-1'],
      ],
    )
    assert.deepEqual(
      settled.map(({ assetId, state, remoteId }) => [assetId, state, remoteId]),
      [
        [2, 'uploaded', 'remote-1'],
        [1, 'uploaded', 'remote-2'],
      ],
    )
    assert.equal(failure, undefined)
  })

  test('takes the id of a video that was there', async () => {
    const { api, sent } = server()
    const files = [unitFile(1, 'still.heic', { clip: { assetId: 2, remoteId: 'old' } })]
    await uploadUnit({ assetId: 1, files, sizeBytes: 10 }, api, root)
    assert.equal(sent[0]?.livePhotoVideoId, 'old')
  })

  test('a duplicate is there, and nobody knows what was told of it', async () => {
    const { api } = server((index) => (index === 0 ? { assetId: 'old', status: 'duplicate' } : undefined))
    const { settled } = await uploadUnit(LIVE, api, root)
    assert.deepEqual(settled[0], { assetId: 2, state: 'present', remoteId: 'old', sha1: '2'.repeat(40) })
  })

  test('the still waits for its video while there is hope', async () => {
    const error = new ServerError('retry')
    const { api, sent } = server((index) => (index === 0 ? error : undefined))
    assert.deepEqual(await uploadUnit(LIVE, api, root), { settled: [], failure: { error } })
    assert.equal(sent.length, 1)
  })

  test('what was sent before something went wrong for now is told', async () => {
    const error = new ServerError('retry')
    const { api } = server((index) => (index === 1 ? error : undefined))
    const { settled, failure } = await uploadUnit(LIVE, api, root)
    assert.deepEqual(
      settled.map(({ assetId }) => assetId),
      [2],
    )
    assert.equal(failure?.error, error)
  })

  test('the still goes alone when there is no hope for its video', async () => {
    const { api, sent } = server((index) => (index === 0 ? new ServerError('discard') : undefined))
    const { settled, failure } = await uploadUnit(LIVE, api, root)
    assert.deepEqual(
      settled.map(({ state }) => state),
      ['failed', 'uploaded'],
    )
    assert.equal(settled[0]?.error?.code, 'test/server')
    assert.equal(sent[1]?.livePhotoVideoId, undefined)
    assert.equal(failure, undefined)
  })

  test('ends with its signal, and is no failure of the file then', async () => {
    const stop = new AbortController()
    const { api, sent } = server(() => {
      stop.abort(new Error('enough'))
      return new ServerError('discard')
    })
    await assert.rejects(uploadUnit(LIVE, api, root, { signal: stop.signal }), /enough/u)
    assert.equal(sent.length, 1)
  })

  test('sends the sidecar of the library, with what it lacks added', async () => {
    const { api, sent } = server()
    const plain = unitFile(1, 'still.heic', { sidecarPath: 'still.heic.xmp' })
    const more = { ...plain, words: { people: ['Ada'], albums: [], caption: 'At sea' } }
    await uploadUnit({ assetId: 1, files: [plain, more], sizeBytes: 20 }, api, root)
    assert.equal(sent[0]?.sidecar, XMP)
    assert.match(sent[1]?.sidecar ?? '', /crs:Exposure="\+1"/u)
    assert.match(sent[1]?.sidecar ?? '', /At sea/u)
  })

  for (const [fact, file, problem] of [
    ['is not there', unitFile(1, 'gone.jpg'), /gone\.jpg is not in the library/u],
    [
      'has no sidecar any more',
      unitFile(1, 'still.heic', { sidecarPath: 'gone.xmp' }),
      /gone\.xmp is not in/u,
    ],
    [
      'was changed',
      unitFile(1, 'still.heic', { upload: { ...unitFile(1, 'x').upload, sizeBytes: 11 } }),
      /has 10 bytes/u,
    ],
  ] as const) {
    test(`a file that ${fact} is not sent`, async () => {
      const { api, sent } = server()
      const { settled } = await uploadUnit({ assetId: 1, files: [file], sizeBytes: 10 }, api, root)
      assert.equal(settled[0]?.state, 'failed')
      assert.match(settled[0]?.error?.message ?? '', problem)
      assert.equal(sent.length, 0)
    })
  }
})
