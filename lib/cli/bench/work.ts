// What is measured, and on which memory: both travel to the process that measures as JSON.
import type { BufferPoolOptions } from '../../pools/buffer/options.js';

/** Where buffers come from. */
export type Source =
  | { readonly kind: 'superslab'; readonly options: BufferPoolOptions }
  | { readonly kind: 'Buffer.allocUnsafe' }
  | { readonly kind: 'Buffer.alloc' };

/** How much of a buffer the work writes before it gives the buffer back. */
export type Touch = 'a byte in each page' | 'all';

export interface Work {
  /** Sizes from `min` to `max` bytes, drawn evenly where they differ. */
  readonly min: number;
  readonly max: number;
  /** Buffers held at once: 1 is taken and given back in turn, more are replaced at random. */
  readonly slots: number;
  readonly touch: Touch;
}

export interface Memory {
  readonly acquire: (size: number) => Uint8Array;
  readonly release: (buf: Uint8Array) => void;
}

/** Enough for each page of 4 KiB; a machine with larger ones is touched more often than it needs. */
const PAGE = 4096;

/** What the loops read ends here, so that no compiler can leave them out. */
export const sink = { sum: 0 };

function writeTo(buf: Uint8Array, touch: Touch, value: number): void {
  if (touch === 'all') buf.fill(value);
  else for (let at = 0; at < buf.length; at += PAGE) buf[at] = value;
}

/** `n` times: take a buffer, write to it, give it back. */
function inTurn({ acquire, release }: Memory, { max, touch }: Work): (n: number) => void {
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const buf = acquire(max);
      writeTo(buf, touch, i);
      sum += buf[0]!;
      release(buf);
    }
    sink.sum += sum;
  };
}

/** `n` times: a slot drawn at random gives its buffer back and takes another. */
function replaced({ acquire, release }: Memory, { min, max, slots, touch }: Work): (n: number) => void {
  const held = new Array<Uint8Array | undefined>(slots).fill(undefined);
  let random = 0x9e3779b9;
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      // xorshift32 (Marsaglia, 2003): its lower half draws the slot, the whole the size.
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const slot = (random & 0xffff) % slots;
      const last = held[slot];
      if (last !== undefined) release(last);
      const buf = acquire(min + ((random >>> 0) % (max - min + 1)));
      writeTo(buf, touch, i);
      sum += buf[0]!;
      held[slot] = buf;
    }
    sink.sum += sum;
  };
}

/** The work as a loop of `n` operations. An operation takes one buffer and gives one back. */
export function loopOf(memory: Memory, work: Work): (n: number) => void {
  return work.slots === 1 ? inTurn(memory, work) : replaced(memory, work);
}
