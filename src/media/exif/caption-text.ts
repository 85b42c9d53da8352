/**
 * What counts as a caption, whichever field holds it.
 *
 * Cameras fill the description field with their own name; nobody wrote that, and it must neither be shown as a
 * caption nor keep a real one out.
 *
 * @module
 */

/**
 * Whole values that cameras and phones write by themselves. Collected from exiftool's sample images, Immich and
 * PhotoPrism's lists of descriptions to drop.
 */
const CAMERA_WORDS = [
  /^olympus digital camera$/iu,
  /^sony dsc$/iu,
  /^samsung(?: camera pictures| digital camera)?$/iu,
  /^minolta digital camera$/iu,
  /^kodak digital still camera$/iu,
  /^exif[ _]jpe?g(?:[ _].*)?$/iu,
  /^minoltaoptic/iu,
  /^(?:konica )?minolta/iu,
  /^dcim/iu,
  /^dsc[fn]?\d*$/iu,
  /^dsc_?\d+(?:\.jpe?g)?$/iu,
  /^img_?\d+(?:\.jpe?g)?$/iu,
  /^(?:digital camera|digital still camera|digicam|jpeg|image|picture|photo|untitled|default)$/iu,
  /^(?:mde|btf|hdr|edf|fbt|rbt|cof|sdr|nor|binary comment|ace|maker:.*)$/iu,
  /^my new 3d digital camera$/iu,
]

/** The caption in a description field, without its padding; undefined when blank or the camera's own words. */
export function toCaption(text: string | undefined): string | undefined {
  const trimmed = text?.replaceAll('\0', ' ').trim() ?? ''
  if (trimmed === '' || CAMERA_WORDS.some((words) => words.test(trimmed))) return undefined
  return trimmed
}

/**
 * Whether `wanted` may take the place of `existing` in a caption field: only where nothing is destroyed by it,
 * because the field is empty, camera words, or said again inside the new text. Equal texts need no writing.
 */
export function mayReplaceCaption(existing: string | undefined, wanted: string): boolean {
  const caption = toCaption(existing)
  if (caption === undefined) return true
  const [old, words] = [toPlainLines(caption), toPlainLines(wanted).trim()]
  return old !== words && words.includes(old)
}

/** Line breaks of all systems as `\n`: XML readers turn them into that anyway, and texts have to compare equal. */
export function toPlainLines(text: string): string {
  return text.replaceAll(/\r\n?/gu, '\n')
}
