import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { TemplateValues } from '../rules.ts'
import { BadTemplateError, fixedNameOf, parseNameTemplate } from './name-template.ts'

const values: TemplateValues = {
  wallClockMs: Date.UTC(2019, 5, 2, 7, 8, 9),
  path: '/mnt/photos/2019/2019-06-02 Lake/a.jpg',
  fileName: 'a.jpg',
  place: { city: 'Bergen', state: undefined, country: 'Norway' },
  camera: { make: 'Canon', model: 'EOS R' },
  match: { name: '2019-06-02 Lake' },
  tag: 'trip/2019/lake',
  album: 'Lake',
}

describe('parseNameTemplate', () => {
  const cases: { source: string; name: string | undefined }[] = [
    { source: 'Inbox {taken:yyyy-MM-dd}', name: 'Inbox 2019-06-02' },
    { source: '{taken:yy dd.MM. HH:mm:ss}', name: '19 02.06. 07:08:09' },
    { source: '{taken:MMMM yyyy} ({taken:MMM})', name: 'June 2019 (Jun)' },
    { source: '{path[-1]}', name: '2019-06-02 Lake' },
    { source: '{path[0]}/{path[1]}', name: 'mnt/photos' },
    { source: '{path[9]}', name: undefined },
    { source: '{file}', name: 'a.jpg' },
    { source: '{match.name}', name: '2019-06-02 Lake' },
    { source: '{match.other}', name: undefined },
    { source: '{match.constructor}', name: undefined },
    { source: '{tag} {tag.leaf}', name: 'trip/2019/lake lake' },
    { source: '{album}', name: 'Lake' },
    { source: '{place.city}, {place.country}', name: 'Bergen, Norway' },
    { source: '{place.state}', name: undefined },
    { source: '{camera.make} {camera.model}', name: 'Canon EOS R' },
    { source: 'a {{b}} c', name: 'a {b} c' },
    { source: ' Scans ', name: 'Scans' },
    { source: '{ tag.leaf }', name: 'lake' },
  ]
  for (const { source, name } of cases) {
    test(`${source} is ${name}`, () => assert.equal(parseNameTemplate(source).fill(values), name))
  }

  test('a date that is missing leaves no name', () => {
    const template = parseNameTemplate('Inbox {taken:yyyy}')
    assert.equal(template.fill({ ...values, wallClockMs: undefined }), undefined)
    assert.equal(template.fill({ ...values, wallClockMs: Number.NaN }), undefined)
  })

  test('says which words it needs', () => {
    assert.deepEqual(parseNameTemplate('{tag.leaf} {taken:yyyy} {{x}}').words, ['tag.leaf', 'taken:yyyy'])
    assert.equal(fixedNameOf(parseNameTemplate('a {{b}}')), 'a {b}')
    assert.equal(fixedNameOf(parseNameTemplate('{tag}')), undefined)
  })

  const bad: { source: string; offset: number; says: RegExp }[] = [
    { source: 'x {place.town}', offset: 2, says: /\{place\.town\}/u },
    { source: 'x {tga}', offset: 2, says: /did you mean tag\?/u },
    { source: 'x {tag', offset: 2, says: /not closed/u },
    { source: '{taken:yyyy-QQ}', offset: 12, says: /"QQ"/u },
    { source: '{taken:}', offset: 7, says: /no format/u },
    { source: '{}', offset: 0, says: /unknown word/u },
    { source: '{toString}', offset: 0, says: /unknown word/u },
  ]
  for (const { source, offset, says } of bad) {
    test(`refuses ${source}`, () => {
      assert.throws(
        () => parseNameTemplate(source),
        (error) => error instanceof BadTemplateError && error.offset === offset && says.test(error.message),
      )
    })
  }

  test('a name without braces is itself, braces doubled are braces', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const template = parseNameTemplate(text.replaceAll(/[{}]/gu, '$&$&'))
        assert.equal(template.fill(values) ?? '', text.trim())
      }),
    )
  })
})
