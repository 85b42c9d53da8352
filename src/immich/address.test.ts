import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addressOfRedirect, parseAddress } from './address.ts'
import { BadAddressError } from './immich-errors.ts'

describe('parseAddress', () => {
  const cases: readonly { text: string; base: string }[] = [
    { text: 'http://nas:2283', base: 'http://nas:2283' },
    { text: ' http://nas:2283/ ', base: 'http://nas:2283' },
    { text: 'https://nas/api', base: 'https://nas' },
    { text: 'https://nas/api/', base: 'https://nas' },
    { text: 'https://nas/photos', base: 'https://nas/photos' },
    { text: 'https://nas/photos/api//', base: 'https://nas/photos' },
    { text: 'https://nas/myapi', base: 'https://nas/myapi' },
    { text: 'HTTPS://NAS:443/', base: 'https://nas' },
    { text: 'http://[::1]:2283/api', base: 'http://[::1]:2283' },
  ]
  for (const { text, base } of cases) {
    test(`takes ${JSON.stringify(text)} as ${base}`, () => {
      const address = parseAddress(text)
      assert.equal(address.base, base)
      assert.equal(address.urlOf('/server/ping'), `${base}/api/server/ping`)
    })
  }

  for (const text of [
    '',
    'nas:2283',
    'nas.local',
    'ftp://nas',
    'http://',
    'http://nas?apiKey=x',
    'http://nas/#x',
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseAddress(text), BadAddressError)
    })
  }

  for (const text of [
    'http://user:hunter2@nas',
    'user:hunter2@nas',
    'nas?apiKey=hunter2',
    '//u:hunter2@nas',
  ]) {
    test(`does not repeat the secret of ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseAddress(text),
        (error: Error) => error instanceof BadAddressError && !error.message.includes('hunter2'),
      )
    })
  }
})

test('a redirect to the same route tells the address to use', () => {
  assert.equal(
    addressOfRedirect('https://nas/photos/api/server/version', '/server/version'),
    'https://nas/photos',
  )
})

test('a redirect to a login page tells no address', () => {
  assert.equal(addressOfRedirect('https://auth/login?rd=/api/server/version', '/server/version'), undefined)
})
