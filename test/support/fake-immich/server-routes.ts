/**
 * `/server`, `/users/me`, `/api-keys/me`, `/auth/login`.
 *
 * @module
 */

import { z } from 'zod'
import { created, HttpError, ok } from './answer.ts'
import { IMAGE_EXTENSIONS, VIDEO_EXTENSIONS } from './media-extensions.ts'
import { jsonRoute, plainRoute, type Route } from './route.ts'
import { adminUserShape, userShape } from './shapes.ts'

const CREDENTIALS = z.object({ email: z.string(), password: z.string() })

export const SERVER_ROUTES: readonly Route[] = [
  plainRoute('GET /server/ping', { isOpen: true }, () => ok({ res: 'pong' })),
  plainRoute('GET /server/version', { isOpen: true }, ({ version }) => ok({ ...version, prerelease: null })),
  plainRoute('GET /server/media-types', { isOpen: true }, () =>
    ok({ image: IMAGE_EXTENSIONS, video: VIDEO_EXTENSIONS, sidecar: ['.xmp'] }),
  ),
  plainRoute('GET /server/config', { isOpen: true }, () =>
    ok({
      externalDomain: '',
      isInitialized: true,
      isOnboarded: true,
      loginPageMessage: '',
      maintenanceMode: false,
      mapDarkStyleUrl: '',
      mapLightStyleUrl: '',
      minFaces: 3,
      oauthButtonText: 'Login with OAuth',
      publicUsers: true,
      trashDays: 30,
      userDeleteDelay: 7,
    }),
  ),
  plainRoute('GET /server/features', { isOpen: true }, () =>
    ok({
      configFile: false,
      duplicateDetection: true,
      email: false,
      facialRecognition: true,
      importFaces: false,
      map: true,
      oauth: false,
      oauthAutoLaunch: false,
      ocr: true,
      passwordLogin: true,
      realtimeTranscoding: false,
      reverseGeocoding: true,
      search: true,
      sidecar: true,
      smartSearch: true,
      trash: true,
    }),
  ),
  plainRoute('GET /server/about', { permission: 'server.about' }, ({ version }) =>
    ok({
      version: `v${version.major}.${version.minor}.${version.patch}`,
      versionUrl: 'https://github.com/immich-app/immich/releases',
      licensed: false,
    }),
  ),
  plainRoute('GET /server/storage', { permission: 'server.storage' }, ({ state }) => {
    const { sizeBytes, freeBytes } = state.disk
    const usedBytes = sizeBytes - freeBytes
    return ok({
      diskAvailable: human(freeBytes),
      diskAvailableRaw: freeBytes,
      diskSize: human(sizeBytes),
      diskSizeRaw: sizeBytes,
      diskUsagePercentage: Math.round((usedBytes / sizeBytes) * 10_000) / 100,
      diskUse: human(usedBytes),
      diskUseRaw: usedBytes,
    })
  }),
  plainRoute(
    'GET /server/statistics',
    { permission: 'server.statistics', isAdminOnly: true },
    ({ state: { assets } }) => ok({ photos: assets.size, videos: 0, usage: 0, usageByUser: [] }),
  ),
  plainRoute('GET /queues', { permission: 'queue.read', isAdminOnly: true }, ({ state }) =>
    ok([
      {
        name: 'sidecar',
        isPaused: false,
        statistics: {
          active: 0,
          waiting: state.metadataJobs.size,
          paused: 0,
          delayed: 0,
          failed: 0,
          completed: 0,
        },
      },
    ]),
  ),
  // Everybody may ask; the e-mail addresses of all are in it (read in the source of 2.5; `publicUsers` can hide others).
  plainRoute('GET /users', { permission: 'user.read' }, ({ state }) =>
    ok([...state.users.values()].map(userShape)),
  ),
  plainRoute('GET /users/me', { permission: 'user.read' }, ({ user }) => ok(adminUserShape(user))),
  plainRoute('GET /api-keys/me', {}, ({ key }) => {
    if (key.isSession) throw new HttpError(403, 'Not authenticated with API Key')
    const at = '2026-01-01T00:00:00.000Z'
    return ok({ id: key.id, name: key.name, permissions: key.permissions, createdAt: at, updatedAt: at })
  }),
  jsonRoute('POST /auth/login', { isOpen: true, body: CREDENTIALS }, ({ state }, { email, password }) => {
    const user = [...state.users.values()].find((one) => one.email === email && one.password === password)
    if (user === undefined) throw new HttpError(401, 'Incorrect email or password')
    return created({
      accessToken: state.addSession(user.id).secret,
      userId: user.id,
      userEmail: user.email,
      name: user.name,
      isAdmin: user.isAdmin,
      isOnboarded: true,
      profileImagePath: '',
      shouldChangePassword: false,
    })
  }),
]

function human(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
