import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RulesProblem } from '../rules.ts'
import { lint } from './lint.ts'
import { readRules } from './read-rules.ts'

function lintText(text: string): readonly RulesProblem[] {
  const file = readRules(`version: 1\ntime: {zone: UTC}\n${text}`, { fileName: 'rules.yaml', env: {} })
  assert.ok(file.rules, JSON.stringify(file.problems))
  return lint(file.rules, file.locate)
}

const cat = (is: string): string =>
  `categories: {unsorted: {ensure: {tag: auto/unsorted}}, list: [{id: trips, is: ${is}}]}`
const move = (from: string, to: string, more = ''): string => `{from: ${from}, to: ${to}${more}}`

describe('lint', () => {
  const cases: { fact: string; text: string; says: RegExp; severity: 'error' | 'warning'; where: string }[] =
    [
      {
        fact: 'a category of a visibility that is not in the scope',
        text: cat('{visibility: locked}'),
        says: /categories\/trips can never hold/u,
        severity: 'warning',
        where: 'categories.list[0].is',
      },
      {
        fact: 'a category that the scope leaves out',
        text: `scope: {where: {not: {tag: [a, skip]}}}\n${cat('{tag: skip}')}`,
        says: /never hold/u,
        severity: 'warning',
        where: 'categories.list[0].is',
      },
      {
        fact: 'a category that contradicts itself',
        text: cat('{all: [{tag: a}, {not: {any: [{tag: a}, {tag: b}]}}]}'),
        says: /never hold/u,
        severity: 'warning',
        where: 'categories.list[0].is',
      },
      {
        fact: 'ranges that do not meet',
        text: cat('{all: [{taken: 2019}, {taken: 2021}]}'),
        says: /never hold/u,
        severity: 'warning',
        where: 'categories.list[0].is',
      },
      {
        fact: 'two categories that are the same',
        text: 'categories: {list: [{id: a, is: {tag: x}}, {id: b, is: {tag: x}}]}',
        says: /categories\/b says the same as categories\/a/u,
        severity: 'warning',
        where: 'categories.list[1].is',
      },
      {
        fact: 'a category of categories',
        text: cat('{category: none}'),
        says: /before categories are known/u,
        severity: 'error',
        where: 'categories.list[0].is',
      },
      {
        fact: 'a scope of categories',
        text: `scope: {where: {category: none}}`,
        says: /scope asks/u,
        severity: 'error',
        where: 'scope.where',
      },
      {
        fact: 'an album of days that counts as sorted (fault 6)',
        text: `${cat("{album: '/^\\d{4}-\\d\\d/'}")}\nalbums: [{where: {category: none}, into: "{taken:yyyy-MM-dd}-inbox"}]`,
        says: /albums\/album-1 makes albums such as "2019-06-02-inbox", which count as sorted by categories\/trips/u,
        severity: 'error',
        where: 'albums[0].into',
      },
      {
        fact: 'a move that feeds itself',
        text: `moves: [${move('{tag: "kind/*"}', '{tag: kind/scan}')}]`,
        says: /its own source/u,
        severity: 'warning',
        where: 'moves[0].to',
      },
      {
        fact: 'moves in a circle',
        text: `moves: [${move('{tag: a}', '{album: b}')}, ${move('{album: B}', '{tag: a}')}]`,
        says: /moves\/move-1 and moves\/move-2 fight/u,
        severity: 'error',
        where: 'moves[0]',
      },
      {
        fact: 'a tag that a check holds and a move takes',
        text: `moves: [${move('{tag: auto/look}', '{tag: b}')}]\nchecks: [{id: look, when: {favorite: true}, ensure: {tag: auto/look}}]`,
        says: /moves\/move-1 and checks\/look fight: one takes tag auto\/look/u,
        severity: 'error',
        where: 'moves[0]',
      },
      {
        fact: 'a tag that a check holds and a copy gives',
        text: `moves: [${move('{tag: a}', '{tag: auto/look}', ', mode: copy')}]\nchecks: [{id: look, when: {favorite: true}, ensure: {tag: auto/look}}]`,
        says: /one gives tag auto\/look/u,
        severity: 'error',
        where: 'moves[0]',
      },
      {
        fact: 'a check that denies itself',
        text: 'checks: [{id: c, when: {not: {tag: x}}, ensure: {tag: x}}]',
        says: /only where it is not there/u,
        severity: 'error',
        where: 'checks[0]',
      },
      {
        fact: 'a tag for the unsorted that sorts',
        text: cat('{tag: auto}'),
        says: /categories\.unsorted and categories\/trips fight/u,
        severity: 'error',
        where: 'categories.unsorted',
      },
      {
        fact: 'a tag that is a parent of another',
        text: 'checks: [{id: a, when: {rating: 1}, ensure: {tag: auto}}, {id: b, when: {rating: 2}, ensure: {tag: auto/x}}]',
        says: /parent of auto\/x of checks\/b/u,
        severity: 'warning',
        where: 'checks[0]',
      },
      {
        fact: 'a group that no pattern has',
        text: `albums: [{where: {path: '/(?<name>x)/'}, into: "{match.nmae}"}]`,
        says: /\{match\.nmae\} is a group/u,
        severity: 'error',
        where: 'albums[0].into',
      },
      {
        fact: 'a group under not',
        text: `albums: [{where: {not: {path: '/(?<name>x)/'}}, into: "{match.name}"}]`,
        says: /\{match\.name\}/u,
        severity: 'error',
        where: 'albums[0].into',
      },
      {
        fact: '{tag} where no tag is',
        text: 'checks: [{when: {tag: a}, ensure: {album: "{tag.leaf}"}}]',
        says: /each and sync only/u,
        severity: 'error',
        where: 'checks[0]',
      },
      {
        fact: 'a sync by something of the asset',
        text: 'moves: [{each: {tag: "t/*"}, sync: {album: "{tag} {taken:yyyy}"}}]',
        says: /\{taken:yyyy\} is not known of a tag/u,
        severity: 'error',
        where: 'moves[0].sync.album',
      },
      {
        fact: 'a sync to one album',
        text: 'moves: [{each: {tag: "t/*"}, sync: {album: All}}]',
        says: /same album for every tag/u,
        severity: 'warning',
        where: 'moves[0].sync.album',
      },
    ]
  for (const { fact, text, says, severity, where } of cases) {
    test(`sees ${fact}`, () => {
      const problem = lintText(text).find(({ message }) => says.test(message))
      assert.ok(problem, JSON.stringify(lintText(text)))
      assert.deepEqual([problem.severity, problem.where], [severity, where])
      assert.ok(problem.line >= 3)
    })
  }

  const fine: { fact: string; text: string }[] = [
    {
      fact: 'a holding album of days',
      text: `${cat("{album: '/^\\d{4}-\\d\\d/'}")}\nalbums: [{where: {category: none}, into: "{taken:yyyy-MM-dd}-inbox", holding: true}]`,
    },
    {
      fact: 'albums of folders, which are meant to sort',
      text: `${cat("{album: '/^\\d{4}-\\d\\d/'}")}\nalbums: [{where: {category: none, path: '/\\/(?<name>\\d{4}-\\d\\d-\\d\\d[^\\/]+)/'}, into: "{match.name}"}]`,
    },
    {
      fact: 'a chain of moves',
      text: `moves: [${move('{tag: a}', '{tag: b}')}, ${move('{tag: b}', '{tag: c}')}]`,
    },
    {
      fact: 'one tag of two checks',
      text: 'checks: [{when: {rating: 1}, ensure: {tag: t}}, {when: {rating: 2}, ensure: {tag: t}}]',
    },
    {
      fact: 'a copy to a tag below',
      text: `moves: [${move('{tag: kind}', '{tag: kind/scan}', ', mode: copy')}]`,
    },
  ]
  for (const { fact, text } of fine)
    test(`says nothing of ${fact}`, () => assert.deepEqual(lintText(text), []))
})
