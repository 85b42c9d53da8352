import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { NewerSchemaError } from '../library/schema.ts'
import { main } from './main.ts'
import { fakeServices, memoryIo } from './testing/memory-io.ts'

let cwd = ''
before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'heirloom-cli-'))
  mkdirSync(join(cwd, 'Takeout'))
})
after(() => rmSync(cwd, { recursive: true }))

describe('ingest leaves with 1, one clear line and a hint, no stack, when', () => {
  const system = (code: string, message: string): Error =>
    Object.assign(new Error(message), { code, syscall: 'write' })
  const cases: { fact: string; error: Error; err: string }[] = [
    {
      fact: 'the disk is full',
      error: system('ENOSPC', 'ENOSPC: no space left on device, write'),
      err: 'error: ENOSPC: no space left on device, write\nFree some space and run the same command again: what was done stays.\n',
    },
    {
      fact: 'the database has no room',
      error: system('ERR_SQLITE_ERROR', 'database or disk is full'),
      err: 'error: database or disk is full\nFree some space and run the same command again: what was done stays.\n',
    },
    {
      fact: 'the library is on a medium that cannot be written',
      error: system('EROFS', "EROFS: read-only file system, mkdir '/ro/x'"),
      err: "error: EROFS: read-only file system, mkdir '/ro/x'\nCheck that you may read and write there, or choose another folder.\n",
    },
    {
      fact: 'the database may not be written',
      error: system('ERR_SQLITE_ERROR', 'attempt to write a readonly database'),
      err: 'error: attempt to write a readonly database\nCheck that you may read and write there, or choose another folder.\n',
    },
    {
      fact: 'the database turns out to be damaged',
      error: system('ERR_SQLITE_ERROR', 'database disk image is malformed'),
      err: 'error: database disk image is malformed\nThe database is damaged: keep a copy of it, and put a backup in its place.\n',
    },
    {
      fact: 'the disk has failed under the database',
      error: Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 }),
      err: 'error: disk I/O error\nSee that the disk is connected and healthy.\n',
    },
    {
      fact: 'the library is newer than the program',
      error: new NewerSchemaError(99, 1),
      err: `error: ${new NewerSchemaError(99, 1).message}\nRun the heirloom version that last wrote this library, or a newer one.\n`,
    },
  ]
  for (const { fact, error, err } of cases) {
    test(fact, async () => {
      const io = memoryIo({ cwd })
      const ingest = async (): Promise<never> => {
        throw error
      }
      const code = await main(['ingest', 'Takeout'], io, fakeServices({ ingest }))
      assert.deepEqual([code, io.stderr.text().replaceAll('\u001B[?25h', '')], [1, err])
    })
  }
})
