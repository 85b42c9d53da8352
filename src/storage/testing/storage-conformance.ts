/**
 * What every storage promises, as tests that each implementation runs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Storage, StoredFileMissingError, UnsafeNameError } from '../storage.ts'

/** A fresh, empty storage, and how to throw it away. */
export interface StorageUnderTest {
  readonly storage: Storage
  dispose(): Promise<void>
}

/** Registers the suite under `name`. */
export function testStorageConformance(name: string, create: () => Promise<StorageUnderTest>): void {
  const promise = (fact: string, check: (storage: Storage) => Promise<void>): void => {
    test(fact, async () => {
      const { storage, dispose } = await create()
      try {
        await check(storage)
      } finally {
        await dispose()
      }
    })
  }

  describe(`${name} keeps the promises of a storage`, () => {
    promise('a published file has its final name only', publishesOnce)
    promise('publishing again after a crash answers exists', replays)
    promise('another file with the name is never replaced', neverReplaces)
    promise('a temporary file that is not there is told', tellsMissing)
    promise('ranges are read, also over the end', readsRanges)
    promise('a missing file is undefined to stat and an error to read', missesFiles)
    promise('sweeping keeps what is named, and final files', sweeps)
    promise('missing names are told from those that are there', tellsManyMissing)
    promise('discarding twice does nothing', discardsTwice)
    promise('listing gives every final file once, and no temporary one', lists)
    promise('names that lead out are refused', refusesNames)
    promise('syncing folders of published files succeeds', syncs)
    promise('free space is a positive number or unknown', tellsSpace)
  })
}

function bytes(text: string): Uint8Array[] {
  return [Buffer.from(text)]
}

/** All bytes as text. */
async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

async function publishesOnce(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('photo'))
  assert.equal((await storage.statTemp('1-1-0.part'))?.sizeBytes, 5)
  assert.equal(await textOf(storage.readTemp('1-1-0.part')), 'photo')
  assert.equal(await storage.publish('1-1-0.part', 'anna/photos/a.jpg'), 'published')
  assert.equal(await storage.statTemp('1-1-0.part'), undefined)
  assert.equal(await textOf(storage.read('anna/photos/a.jpg')), 'photo')
  assert.equal((await storage.stat('anna/photos/a.jpg'))?.sizeBytes, 5)
}

async function replays(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('photo'))
  await storage.publish('1-1-0.part', 'a.jpg')
  await storage.writeTemp('1-1-0.part', bytes('photo'))
  assert.equal(await storage.publish('1-1-0.part', 'a.jpg'), 'exists')
  assert.equal(await storage.statTemp('1-1-0.part'), undefined)
  assert.equal(await textOf(storage.read('a.jpg')), 'photo')
}

async function neverReplaces(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('first'))
  await storage.publish('1-1-0.part', 'a.jpg')
  for (const other of ['other', 'longer than the first']) {
    await storage.writeTemp('2-1-0.part', bytes(other))
    assert.equal(await storage.publish('2-1-0.part', 'a.jpg'), 'conflict')
    assert.equal(await textOf(storage.read('a.jpg')), 'first')
    assert.equal(await textOf(storage.readTemp('2-1-0.part')), other)
  }
}

async function tellsMissing(storage: Storage): Promise<void> {
  assert.equal(await storage.publish('1-1-0.part', 'a.jpg'), 'missing')
  assert.equal(await storage.stat('a.jpg'), undefined)
}

async function readsRanges(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', [Buffer.from('0123'), Buffer.from('456789')])
  await storage.publish('1-1-0.part', 'a.bin')
  assert.equal(await textOf(storage.read('a.bin', { offset: 2, length: 3 })), '234')
  assert.equal(await textOf(storage.read('a.bin', { offset: 8 })), '89')
  assert.equal(await textOf(storage.read('a.bin', { offset: 8, length: 100 })), '89')
  assert.equal(await textOf(storage.read('a.bin', { offset: 100, length: 5 })), '')
  assert.equal(await textOf(storage.read('a.bin', { length: 0 })), '')
}

async function missesFiles(storage: Storage): Promise<void> {
  assert.equal(await storage.stat('none/a.jpg'), undefined)
  await assert.rejects(textOf(storage.read('none/a.jpg')), StoredFileMissingError)
  await assert.rejects(textOf(storage.read('a.jpg')), StoredFileMissingError)
}

async function sweeps(storage: Storage): Promise<void> {
  for (const temp of ['1-1-0.part', '2-1-0.part', '3-1-0.part']) await storage.writeTemp(temp, bytes(temp))
  await storage.publish('3-1-0.part', 'a.jpg')
  assert.equal(await storage.sweepTemps(new Set(['2-1-0.part', 'unknown'])), 1)
  assert.equal(await storage.statTemp('1-1-0.part'), undefined)
  assert.equal(await textOf(storage.readTemp('2-1-0.part')), '2-1-0.part')
  assert.equal(await textOf(storage.read('a.jpg')), '3-1-0.part')
}

async function tellsManyMissing(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('x'))
  await storage.publish('1-1-0.part', 'anna/a.jpg')
  const names = ['anna/a.jpg', 'anna/b.jpg', 'ben/a.jpg']
  assert.deepEqual(await storage.missing(names), ['anna/b.jpg', 'ben/a.jpg'])
  assert.deepEqual(await storage.missing([]), [])
}

async function discardsTwice(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('x'))
  await storage.discard('1-1-0.part')
  await storage.discard('1-1-0.part')
  assert.equal(await storage.statTemp('1-1-0.part'), undefined)
}

async function lists(storage: Storage): Promise<void> {
  const finals = ['a.jpg', 'anna/photos/b.jpg', 'anna/photos/b.jpg.xmp', 'ben/c.mp4']
  for (const [index, final] of finals.entries()) {
    await storage.writeTemp(`${index}-1-0.part`, bytes(final))
    await storage.publish(`${index}-1-0.part`, final)
  }
  await storage.writeTemp('9-1-0.part', bytes('temporary'))
  const found: string[] = []
  for await (const file of storage.list()) {
    assert.equal(file.sizeBytes, file.name.length)
    found.push(file.name)
  }
  assert.deepEqual(found.sort(), finals)
}

async function refusesNames(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('x'))
  for (const name of ['../a', '/a', 'a//b', 'a/../../b', '', '.', 'a/.', 'a\\..\\b', 'a\0b', 'C:/a']) {
    await assert.rejects(storage.publish('1-1-0.part', name), UnsafeNameError, name)
    await assert.rejects(storage.stat(name), UnsafeNameError, name)
    await assert.rejects(storage.writeTemp(name, bytes('x')), UnsafeNameError, name)
  }
}

async function syncs(storage: Storage): Promise<void> {
  await storage.writeTemp('1-1-0.part', bytes('x'))
  await storage.publish('1-1-0.part', 'anna/photos/a.jpg')
  await storage.syncFolders(['anna/photos/a.jpg'])
  await storage.syncFolders([])
}

async function tellsSpace(storage: Storage): Promise<void> {
  const freeBytes = await storage.freeBytes()
  assert.ok(freeBytes === undefined || freeBytes > 0)
}
