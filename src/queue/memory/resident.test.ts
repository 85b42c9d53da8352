import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGroupId, parsePrivateBytes, parsePs, readResidentBytes } from './resident.ts'

test('the group is found behind a name with brackets and spaces', () => {
  assert.equal(parseGroupId('4242 (a) S 1 (b) 2) S 1 4240 4240 0 -1 4194560 1'), 4240)
  assert.equal(parseGroupId('1 (init) S 0 0 0 0 -1 4194560'), 0)
  assert.equal(parseGroupId(''), undefined)
})

test('what a process keeps are its anonymous and swapped-out pages, not the program it maps', () => {
  const status =
    'Name:\tnode\nVmRSS:\t   44908 kB\nRssAnon:\t    8672 kB\nRssFile:\t   36236 kB\nRssShmem:\t       0 kB\nVmSwap:\t     100 kB\n'
  assert.equal(parsePrivateBytes(status), (8672 + 100) * 1024)
})

test('an old kernel is asked for all resident pages, and a process that is gone keeps none', () => {
  assert.equal(parsePrivateBytes('Name:\tnode\nVmRSS:\t   44908 kB\n'), 44908 * 1024)
  assert.equal(parsePrivateBytes(''), 0)
})

test('ps is read line by line', () => {
  assert.deepEqual(parsePs('    1  21468\n 4240 150000\n  ?? x\n'), [
    { groupId: 1, bytes: 21468 * 1024 },
    { groupId: 4240, bytes: 150000 * 1024 },
  ])
})

test('nothing is asked for no workers', async () => {
  assert.equal((await readResidentBytes([])).size, 0)
})
