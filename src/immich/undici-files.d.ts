/** What undici does not promise has no types either. */
declare module 'undici/lib/*' {
  const part: unknown
  export default part
}
