/**
 * The pool that people write by hand: it hands out the same Buffers again, of a power of two that is large enough. No
 * view is made, no misuse is found, and no memory goes back.
 */
export function freeList(): { acquire(size: number): Uint8Array; release(buf: Uint8Array): void } {
  const free: Buffer[][] = Array.from({ length: 32 }, () => []);
  return {
    acquire: (size) => {
      const order = 32 - Math.clz32(size - 1);
      return free[order]!.pop() ?? Buffer.allocUnsafeSlow(2 ** order);
    },
    release: (buf) => {
      free[31 - Math.clz32(buf.length)]!.push(buf as Buffer);
    },
  };
}
