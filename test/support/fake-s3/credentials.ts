/**
 * Credentials for tests, in the environment of the process, where the S3 client looks for them.
 *
 * @module
 */

export interface TestCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** The only pair that `s3rver` knows; it does not look at the secret. */
export const S3RVER_CREDENTIALS: TestCredentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }

/** The only pair that our own server knows. */
export const FAKE_CREDENTIALS: TestCredentials = {
  accessKeyId: 'fake-key-id',
  secretAccessKey: 'fake-secret',
}

/** From now on these are this process's; none when undefined. */
export function useCredentials(credentials: Partial<TestCredentials> | undefined): void {
  setOrDelete('AWS_ACCESS_KEY_ID', credentials?.accessKeyId)
  setOrDelete('AWS_SECRET_ACCESS_KEY', credentials?.secretAccessKey)
  setOrDelete('AWS_SESSION_TOKEN', undefined)
}

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
