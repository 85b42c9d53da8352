/**
 * Names of albums on the server, by templates.
 *
 * A template with `{album}` names one album for each album of a picture; one without is an album that every
 * picture goes to, such as `Google Photos/{user}`. Equal names are one album, whichever exports they come from.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import type { SourceAlbum, UploadAsset } from './upload-asset.ts'

/** The platform's own names. */
export const DEFAULT_ALBUM_NAMES: readonly string[] = ['{album}']

const PLACEHOLDERS = ['album', 'user', 'export', 'platform'] as const

type Placeholder = (typeof PLACEHOLDERS)[number]

const PLACEHOLDER = /\{(?<name>[^{}]*)\}/gu

export interface NamedAlbum {
  readonly name: string
  readonly description?: string
}

/** Thrown for a template with a placeholder that means nothing. */
export class AlbumNameError extends HeirloomError {
  readonly code = 'immich/album-name'
  readonly recovery = 'discard'

  constructor(template: string, problem: string) {
    super(`album name "${template}" ${problem}`, {
      hint: `Use a text with any of ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')} in it.`,
    })
  }
}

/** @throws {@link AlbumNameError} */
export function verifyAlbumNames(templates: readonly string[]): void {
  for (const template of templates) {
    if (template.trim() === '') throw new AlbumNameError(template, 'is empty')
    for (const { groups } of template.matchAll(PLACEHOLDER)) {
      const name = groups?.['name'] ?? ''
      if (!isPlaceholder(name)) throw new AlbumNameError(template, `has the unknown placeholder {${name}}`)
    }
  }
}

/** Albums of one picture, each name once. Where an export's name tells no user, `{user}` is the export's name. */
export function albumsOf(
  templates: readonly string[],
  picture: Pick<UploadAsset, 'platform' | 'exportName' | 'user'>,
  albums: readonly SourceAlbum[],
): readonly NamedAlbum[] {
  const named = new Map<string, NamedAlbum>()
  const add = (name: string, description: string | undefined): void => {
    const known = named.get(name)
    if (name === '' || known?.description !== undefined) return
    named.set(name, description === undefined ? { name } : { name, description })
  }
  for (const template of templates) {
    if (template.includes('{album}')) {
      // An untitled album has no name of its own, and would collect the pictures of all others like it.
      for (const { title, description, ...from } of albums.filter((album) => album.title.trim() !== '')) {
        add(render(template, { ...origin({ ...picture, ...from }), album: title }), description)
      }
    } else add(render(template, { ...origin(picture), album: '' }), undefined)
  }
  return [...named.values()]
}

function origin(from: {
  readonly platform: string
  readonly exportName: string
  readonly user?: string
}): Omit<Record<Placeholder, string>, 'album'> {
  return { platform: from.platform, export: from.exportName, user: from.user ?? from.exportName }
}

/** One pass: what looks like a placeholder in an album's title stays as it is. */
function render(template: string, values: Readonly<Record<Placeholder, string>>): string {
  const text = template.replaceAll(PLACEHOLDER, (whole, name: string) =>
    isPlaceholder(name) ? values[name] : whole,
  )
  // macOS writes names decomposed; the same title must not become two albums for it.
  return text.replaceAll(/\s+/gu, ' ').trim().normalize('NFC')
}

function isPlaceholder(name: string): name is Placeholder {
  return (PLACEHOLDERS as readonly string[]).includes(name)
}
