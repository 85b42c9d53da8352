import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseStorageAddress, StorageAddressError } from './object-store-address.ts'

describe('the address of a storage', () => {
  const good: { address: string; env?: Record<string, string>; config: object }[] = [
    { address: 's3://photos', config: { kind: 's3', bucket: 'photos', prefix: '' } },
    { address: 's3://photos/', config: { kind: 's3', bucket: 'photos', prefix: '' } },
    { address: 's3://photos/a/b//', config: { kind: 's3', bucket: 'photos', prefix: 'a/b' } },
    {
      address: 's3://',
      env: { S3_BUCKET_NAME: 'photos' },
      config: { kind: 's3', bucket: 'photos', prefix: '' },
    },
    {
      address: 's3:///anna',
      env: { S3_BUCKET_NAME: 'photos' },
      config: { kind: 's3', bucket: 'photos', prefix: 'anna' },
    },
    {
      address: 's3://mine/anna',
      env: { S3_BUCKET_NAME: 'other', AWS_REGION: 'eu-central-1', S3_ENDPOINT: '' },
      config: { kind: 's3', bucket: 'mine', prefix: 'anna', region: 'eu-central-1' },
    },
    {
      address: 's3://photos',
      env: { S3_ENDPOINT: 's3.eu-central-003.backblazeb2.com' },
      config: {
        kind: 's3',
        bucket: 'photos',
        prefix: '',
        endpoint: 'https://s3.eu-central-003.backblazeb2.com',
      },
    },
    {
      address: 's3://photos',
      env: { S3_ENDPOINT: 'http://127.0.0.1:9000', AWS_REGION: '' },
      config: { kind: 's3', bucket: 'photos', prefix: '', endpoint: 'http://127.0.0.1:9000' },
    },
    { address: '/srv/photos', config: { kind: 'local', root: '/srv/photos' } },
  ]
  for (const { address, env = {}, config } of good) {
    test(`${address} with ${JSON.stringify(env)} is read`, () => {
      assert.deepEqual(parseStorageAddress(address, env), config)
    })
  }

  const bad: { address: string; env?: Record<string, string>; says: RegExp }[] = [
    { address: '', says: /absolute path/u },
    { address: 'photos', says: /absolute path/u },
    { address: 'S3://photos', says: /begins with S3:/u },
    { address: 'https://example.org/photos', says: /begins with https:/u },
    { address: 's3://', says: /names no bucket/u },
    { address: 's3://ab', says: /bucket "ab"/u },
    { address: 's3://Photos', says: /bucket "Photos"/u },
    { address: 's3://photos_2024', says: /bucket/u },
    { address: 's3://192.168.1.1', says: /bucket/u },
    { address: 's3://a..b', says: /bucket/u },
    { address: 's3://-photos', says: /bucket/u },
    { address: `s3://${'a'.repeat(64)}`, says: /bucket/u },
    { address: 's3://..', says: /bucket/u },
    { address: 's3://key:hunter2@photos', says: /credentials or a port/u },
    { address: 's3://photos:443', says: /credentials or a port/u },
    { address: 's3://photos/../other', says: /prefix/u },
    { address: 's3://photos/a//b', says: /prefix/u },
    { address: 's3://photos/a\nb', says: /prefix/u },
    { address: 's3://photos/a?b', says: /prefix/u },
    { address: 's3://photos/\ud800', says: /prefix/u },
    { address: `s3://photos/${'a'.repeat(600)}`, says: /prefix/u },
    { address: 's3://photos', env: { AWS_REGION: 'Frankfurt am Main' }, says: /AWS_REGION/u },
    { address: 's3://photos', env: { AWS_REGION: 'eu.evil.org/' }, says: /AWS_REGION/u },
    { address: 's3://photos', env: { S3_ENDPOINT: 'ftp://example.org' }, says: /S3_ENDPOINT/u },
    { address: 's3://photos', env: { S3_ENDPOINT: 'https://' }, says: /S3_ENDPOINT/u },
    { address: 's3://photos', env: { S3_ENDPOINT: 'https://me:hunter2@example.org' }, says: /example\.org/u },
    {
      address: 's3://photos',
      env: { S3_ENDPOINT: 'https://example.org?token=hunter2' },
      says: /example\.org/u,
    },
  ]
  for (const { address, env = {}, says } of bad) {
    test(`${JSON.stringify(address.slice(0, 40))} with ${JSON.stringify(env)} is refused, with a hint`, () => {
      assert.throws(
        () => parseStorageAddress(address, env),
        (error) => {
          assert.ok(error instanceof StorageAddressError)
          assert.match(error.message, says)
          assert.ok(!`${error.message} ${error.hint}`.includes('hunter2'))
          assert.ok(error.hint !== undefined)
          return true
        },
      )
    })
  }

  test('nothing but a StorageAddressError comes of any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `s3://${text}`),
        ),
        (address) => {
          try {
            parseStorageAddress(address, {})
          } catch (error) {
            assert.ok(error instanceof StorageAddressError)
          }
        },
      ),
    )
  })
})
