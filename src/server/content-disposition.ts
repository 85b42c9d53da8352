/**
 * `Content-Disposition` with any name (RFC 6266, RFC 5987): a name can neither end the header nor leave the folder.
 *
 * @module
 */

/** Characters that stand for themselves in `filename*` (RFC 5987, `attr-char`), beside letters and digits. */
const KEPT = /[^\w!#$&+.^`|~-]/gu

/** @param fileName - As it is shown; control characters are left out. */
export function contentDisposition(kind: 'inline' | 'attachment', fileName: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = fileName.toWellFormed().replaceAll(/[\u0000-\u001F\u007F/\\]/gu, '_')
  const ascii = plain.replaceAll(/[^ -~]/gu, '_').replaceAll(/["%]/gu, '_')
  const encoded = [...plain].map(encode).join('')
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function encode(character: string): string {
  return character.replaceAll(KEPT, (one) =>
    [...Buffer.from(one, 'utf8')]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
