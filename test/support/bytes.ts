// Contents that tell whose they are.

/** Fills `buf` with a sequence that depends on `seed` and on the position. */
export function stamp(buf: Uint8Array, seed: number): void {
  for (let i = 0, x = seed | 1; i < buf.length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    buf[i] = x >>> 24;
  }
}

/** Whether `buf` still holds what stamp() wrote. */
export function isStamped(buf: Uint8Array, seed: number): boolean {
  for (let i = 0, x = seed | 1; i < buf.length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    if (buf[i] !== x >>> 24) return false;
  }
  return true;
}

/** Writes `seed` into the first and last bytes of every 4 KiB: enough to see a mix-up of large blocks. */
export function stampPages(buf: Buffer, seed: number): void {
  for (let at = 0; at + 4 <= buf.length; at += 4096) buf.writeUInt32LE((seed + at) >>> 0, at);
  if (buf.length > 0) buf[buf.length - 1] = seed & 255;
}

export function hasStampedPages(buf: Buffer, seed: number): boolean {
  for (let at = 0; at + 4 <= buf.length; at += 4096) {
    if (at + 4 <= buf.length - 1 && buf.readUInt32LE(at) !== (seed + at) >>> 0) return false;
  }
  return buf.length === 0 || buf[buf.length - 1] === (seed & 255);
}

/** Whether two buffers share a byte, told by where they lie in their ArrayBuffers. */
export function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return (
    a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length
  );
}
