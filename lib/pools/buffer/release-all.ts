/**
 * Releases each of `bufs`, whatever the release of another throws: it can (ERR_SUPERSLAB_OVERFLOW), and the rest
 * must not be lost for that.
 * @returns the first error, undefined without one
 */
export function releaseAll<Buf>(bufs: Iterable<Buf>, release: (buf: Buf) => void): Error | undefined {
  let first: Error | undefined;
  for (const buf of bufs) {
    try {
      release(buf);
    } catch (error) {
      first ??= error as Error;
    }
  }
  return first;
}
