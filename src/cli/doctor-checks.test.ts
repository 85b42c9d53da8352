import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type DoctorPlaces, type Finding, runChecks } from './doctor-checks.ts'

describe('runChecks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heirloom-doctor-'))
  after(() => rmSync(folder, { recursive: true }))
  const check = async (name: string, changes: Partial<DoctorPlaces>): Promise<Finding> => {
    const library = join(folder, 'library')
    const findings = await runChecks({ library, state: undefined, env: process.env, ...changes })
    const found = findings.find((finding) => finding.name === name)
    assert.ok(found, `there is no finding called ${name}`)
    return found
  }

  test('without perl exiftool cannot run, and it says what to install', async () => {
    const { state, hint } = await check('exiftool', { env: { PATH: folder } })
    assert.deepEqual([state, hint], ['fail', 'Install perl 5 (apt install perl).'])
  })

  test('without ffmpeg there is only something to know of', async () => {
    assert.equal((await check('ffmpeg', { env: { PATH: folder } })).state, 'warn')
  })

  test('a file in the way of the library is found', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    for (const library of [file, join(file, 'deeper')]) {
      assert.equal((await check('library', { library })).state, 'fail', library)
    }
    rmSync(file)
  })

  test('a database that cannot be read is found, and said what to do', async () => {
    const library = join(folder, 'damaged')
    mkdirSync(join(library, '.heirloom'), { recursive: true })
    const database = join(library, '.heirloom', 'library.db')
    assert.equal((await check('database', { library })).state, 'ok')
    writeFileSync(database, 'no database, only text. '.repeat(200))
    const { state, detail, hint } = await check('database', { library })
    assert.deepEqual([state, detail], ['fail', `${database}: file is not a database`])
    assert.match(hint ?? '', /backup/u)
    rmSync(library, { recursive: true })
  })

  test('a library that is not there yet is tested where it would be made, and nothing stays', async () => {
    const { state, detail } = await check('library', { library: join(folder, 'a/b/c') })
    const said = `${join(folder, 'a/b/c')} can be made: ${folder} can be written`
    assert.deepEqual([state, detail, readdirSync(folder)], ['ok', said, []])
  })
})
