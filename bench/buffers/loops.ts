import type { Loop } from '../../lib/cli/bench/turns.js';
import { type LoopCase, PAGE, SLOTS } from './cases.js';
import type { Memory } from './variants.js';

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

/** The loop of a case: `n` operations. An operation of `mixed` is a release or an acquire. */
export function loopOf({ kind, min, max, touch }: LoopCase, memory: Memory): Loop {
  if (kind === 'mixed') return mixed(memory, min, max, touch);
  return { run: touch ? singleTouched(memory, min) : single(memory, min), settles: 1 };
}

function single({ acquire, release }: Memory, size: number): Loop['run'] {
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const buf = acquire(size);
      sum += buf.length;
      release(buf);
    }
    sink += sum;
  };
}

function singleTouched({ acquire, release }: Memory, size: number): Loop['run'] {
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const buf = acquire(size);
      for (let at = 0; at < size; at += PAGE) buf[at] = i;
      sum += buf[0]! + buf.length;
      release(buf);
    }
    sink += sum;
  };
}

function mixed({ acquire, release }: Memory, min: number, max: number, touch: boolean): Loop {
  const slots = new Array<Uint8Array | undefined>(SLOTS).fill(undefined);
  const step = touch ? PAGE : max;
  let random = 0x9e3779b9;
  const run = (n: number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      // xorshift32 (Marsaglia, 2003): one number for the slot, one for the size.
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const slot = (random >>> 8) % SLOTS;
      const held = slots[slot];
      if (held !== undefined) {
        release(held);
        slots[slot] = undefined;
        continue;
      }
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const size = min + ((random >>> 8) % (max - min + 1));
      const buf = acquire(size);
      for (let at = 0; at < size; at += step) buf[at] = i;
      sum += buf[0]! + buf.length;
      slots[slot] = buf;
    }
    sink += sum;
  };
  return { run, settles: 4 * SLOTS };
}
