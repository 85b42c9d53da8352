import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type RequestFacts, refusalOf } from './request-guard.ts'

const own: RequestFacts = {
  method: 'POST',
  host: '127.0.0.1:5000',
  origin: undefined,
  secFetchSite: undefined,
  localPort: 5000,
}

describe('without a token', () => {
  const cases: { rule: string; facts: Partial<RequestFacts>; refusal: ReturnType<typeof refusalOf> }[] = [
    { rule: 'a program that sends no origin is let in', facts: {}, refusal: undefined },
    { rule: 'localhost is us', facts: { host: 'localhost:5000' }, refusal: undefined },
    { rule: 'so is the address of IPv6', facts: { host: '[::1]:5000' }, refusal: undefined },
    {
      rule: 'so is every other address of this machine',
      facts: { host: '127.1.2.3:5000' },
      refusal: undefined,
    },
    { rule: 'but no name that begins so', facts: { host: '127.0.0.1.evil.example:5000' }, refusal: 'host' },
    { rule: 'and none with a dot behind it', facts: { host: 'localhost.:5000' }, refusal: 'host' },
    { rule: 'capitals do not matter', facts: { host: 'LocalHost:5000' }, refusal: undefined },
    { rule: 'port 80 needs not be said', facts: { host: 'localhost', localPort: 80 }, refusal: undefined },
    {
      rule: 'a name that was rebound to us is refused',
      facts: { host: 'evil.example:5000' },
      refusal: 'host',
    },
    { rule: 'so is one that ends like us', facts: { host: 'localhost.evil.example:5000' }, refusal: 'host' },
    { rule: 'so is another port', facts: { host: '127.0.0.1:5001' }, refusal: 'host' },
    { rule: 'so is one without a port', facts: { host: '127.0.0.1' }, refusal: 'host' },
    { rule: 'so is a host with a user', facts: { host: 'x@127.0.0.1:5000' }, refusal: 'host' },
    { rule: 'so is an empty host', facts: { host: '' }, refusal: 'host' },
    { rule: 'so is none', facts: { host: undefined }, refusal: 'host' },
    { rule: 'also for reading', facts: { method: 'GET', host: 'evil.example:5000' }, refusal: 'host' },
    { rule: 'our own page is let in', facts: { origin: 'http://127.0.0.1:5000' }, refusal: undefined },
    { rule: 'another site is refused', facts: { origin: 'https://evil.example' }, refusal: 'origin' },
    {
      rule: 'another port of this machine is another site',
      facts: { origin: 'http://127.0.0.1:3000' },
      refusal: 'origin',
    },
    { rule: 'a page without an origin is refused', facts: { origin: 'null' }, refusal: 'origin' },
    {
      rule: 'our origin at another name is refused',
      facts: { origin: 'http://localhost:5000' },
      refusal: 'origin',
    },
    {
      rule: 'a form of another site is refused',
      facts: { secFetchSite: 'cross-site' },
      refusal: 'cross-site',
    },
    { rule: 'and one of another port', facts: { secFetchSite: 'same-site' }, refusal: 'cross-site' },
    {
      rule: 'but a link may lead here',
      facts: { method: 'GET', secFetchSite: 'cross-site' },
      refusal: undefined,
    },
    { rule: 'our page may change things', facts: { secFetchSite: 'same-origin' }, refusal: undefined },
    { rule: 'and a person who types', facts: { secFetchSite: 'none' }, refusal: undefined },
  ]
  for (const { rule, facts, refusal } of cases) {
    test(rule, () => assert.equal(refusalOf({ ...own, ...facts }, { anyHost: false }), refusal))
  }
})

describe('with a token', () => {
  test('any name is ours', () => {
    assert.equal(refusalOf({ ...own, host: 'photos.example' }, { anyHost: true }), undefined)
  })
  test('a proxy that speaks TLS is our own page', () => {
    const facts = { ...own, host: 'photos.example', origin: 'https://photos.example' }
    assert.equal(refusalOf(facts, { anyHost: true }), undefined)
  })
  test('another site is not', () => {
    const facts = { ...own, host: 'photos.example', origin: 'https://evil.example' }
    assert.equal(refusalOf(facts, { anyHost: true }), 'origin')
  })
  test('a host that is none is refused', () => {
    assert.equal(refusalOf({ ...own, host: 'a/b' }, { anyHost: true }), 'host')
  })
})
