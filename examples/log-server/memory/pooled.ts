import type { Memory } from './memory.js';

const REFERENCES = Symbol('references');

type Counted = Buffer & { [REFERENCES]: number };

/** Free buffers by their size. */
const free = new Map<number, Counted[]>();

/**
 * What people write by hand: buffers that count their references and go to a free list. It never gives memory back, and
 * finds no misuse: a buffer that is released twice is handed out twice.
 */
export const pooledMemory: Memory = {
  kind: 'pooled',
  acquire(size) {
    const buffer = free.get(size)?.pop() ?? (Buffer.allocUnsafeSlow(size) as Counted);
    buffer[REFERENCES] = 1;
    return buffer;
  },
  retain(buffer) {
    (buffer as Counted)[REFERENCES]++;
  },
  release(buffer) {
    if (--(buffer as Counted)[REFERENCES] > 0) return;
    const buffers = free.get(buffer.length);
    if (buffers === undefined) free.set(buffer.length, [buffer as Counted]);
    else buffers.push(buffer as Counted);
  },
};
