import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AlbumNameError, albumsOf, verifyAlbumNames } from './album-names.ts'

const PICTURE = { platform: 'Google Photos', exportName: 'google-anna-20240101', user: 'anna' }
const TRIP = { title: 'Trip', exportName: 'google-anna-20240101', user: 'anna' }

function names(
  templates: string[],
  albums = [TRIP],
  picture: Parameters<typeof albumsOf>[1] = PICTURE,
): string[] {
  return albumsOf(templates, picture, albums).map(({ name }) => name)
}

describe('albumsOf', () => {
  test('a template without {album} is an album of every picture', () => {
    assert.deepEqual(names(['{album}', '{platform}/{user}'], []), ['Google Photos/anna'])
    assert.deepEqual(names(['{album}', '{platform}/{user}']), ['Trip', 'Google Photos/anna'])
  })

  test('an export without a user is named instead', () => {
    const picture = { platform: 'Google Photos', exportName: 'takeout' }
    assert.deepEqual(names(['{platform}/{user}'], [], picture), ['Google Photos/takeout'])
  })

  test('an album without a title is none', () => {
    assert.deepEqual(names(['{album}', 'x {album}'], [{ ...TRIP, title: ' ' }]), [])
  })

  test('what looks like a placeholder in a title stays', () => {
    assert.deepEqual(names(['{album}/{user}'], [{ ...TRIP, title: '{user} {album}' }]), [
      '{user} {album}/anna',
    ])
  })

  test('the same title is one album however it is composed and spaced', () => {
    const albums = [
      { ...TRIP, title: 'Cafe\u0301  day' },
      { ...TRIP, title: ' Café day' },
    ]
    assert.deepEqual(names(['{album}'], albums), ['Café day'])
  })

  test('a description that a later album of the name has is taken', () => {
    const albums = [TRIP, { ...TRIP, description: 'To the sea' }]
    assert.deepEqual(albumsOf(['{album}'], PICTURE, albums), [{ name: 'Trip', description: 'To the sea' }])
  })
})

describe('verifyAlbumNames', () => {
  test('refuses what no picture can fill in', () => {
    assert.throws(() => verifyAlbumNames(['{albun}']), AlbumNameError)
    assert.throws(() => verifyAlbumNames([' ']), AlbumNameError)
    verifyAlbumNames(['{album}', '{platform}/{user} {export}'])
  })
})
