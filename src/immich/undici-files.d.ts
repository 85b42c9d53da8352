/** What undici does not promise has no types either. */
declare module 'undici/lib/*' {
  const part: unknown
  // biome-ignore lint/style/noDefaultExport: it is how they export
  export default part
}
