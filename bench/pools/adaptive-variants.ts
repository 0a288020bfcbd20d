// What lends buffers in `bench -- pools adaptive`.
import { BufferPool } from 'superslab';

export const ADAPTIVE_VARIANTS = [
  'superslab',
  'adaptive: false',
  'hand-written pool',
  'Buffer.allocUnsafe',
] as const;
export type AdaptiveVariant = (typeof ADAPTIVE_VARIANTS)[number];

export interface Lender {
  acquire(size: number): Uint8Array;
  release(buf: Uint8Array): void;
}

/** Free lists of powers of two, as programs write them: nothing is ever given back. */
function handWritten(): Lender {
  const free: Buffer[][] = Array.from({ length: 32 }, () => []);
  const listOf = (size: number) => free[32 - Math.clz32(size - 1)]!;
  return {
    acquire(size) {
      const list = listOf(size);
      return list.pop() ?? Buffer.allocUnsafeSlow(1 << (32 - Math.clz32(size - 1)));
    },
    release: (buf) => void listOf(buf.length).push(buf as Buffer),
  };
}

export function lenderOf(variant: AdaptiveVariant): Lender {
  switch (variant) {
    case 'superslab':
      return new BufferPool({ name: 'adaptive' });
    case 'adaptive: false':
      return new BufferPool({ name: 'plain', adaptive: false });
    case 'hand-written pool':
      return handWritten();
    case 'Buffer.allocUnsafe':
      return { acquire: (size) => Buffer.allocUnsafe(size), release: () => {} };
  }
}
