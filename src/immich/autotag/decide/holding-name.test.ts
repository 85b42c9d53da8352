import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseNameTemplate } from '../rules/name-template.ts'
import { holdingNamesOf } from './holding-name.ts'

describe('names of holding albums', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['Inbox {taken:yyyy-MM-dd}', 'Inbox 2024-05-17', true],
    ['Inbox {taken:yyyy-MM-dd}', 'Inbox 2024-05', false],
    ['Inbox {taken:yyyy-MM-dd}', 'My Inbox 2024-05-17', false],
    ['Inbox {taken:MMMM yyyy}', 'Inbox August 2024', true],
    ['{taken:yyyy-MM-dd}-inbox', '2024-05-17-inbox', true],
    ['Inbox {place.city}', 'Inbox Oslo', true],
    ['Inbox {place.city}', 'Inbox ', false],
    ['Un(sorted) [*]', 'Un(sorted) [*]', true],
    ['Un(sorted) [*]', 'Unsorted x', false],
    ['{{x}} {taken:yyyy}', '{x} 2024', true],
  ]
  for (const [template, name, isHolding] of cases) {
    test(`"${name}" ${isHolding ? 'is' : 'is not'} one of "${template}"`, () => {
      assert.equal(holdingNamesOf(parseNameTemplate(template))?.isHolding(name), isHolding)
    })
  }

  test('a date alone is no reserved name: an album of a user may be called so', () => {
    assert.equal(holdingNamesOf(parseNameTemplate('{taken:yyyy-MM-dd}'))?.isReserved, false)
    assert.equal(holdingNamesOf(parseNameTemplate('Inbox {taken:yyyy}'))?.isReserved, true)
  })

  test('a template that any name would fit reserves none', () => {
    assert.equal(holdingNamesOf(parseNameTemplate('{match.name}')), undefined)
  })

  test('a long name is decided at once', () => {
    const names = holdingNamesOf(parseNameTemplate('Inbox {place.city} {place.state} {place.country}!'))
    assert.equal(names?.isHolding(`Inbox ${' '.repeat(100_000)}`), false)
  })
})
