// A fresh process with a small working set in steady churn: how much memory does it hold for it?
import { serve } from '../support/lane.js';
import { type LoopCase, PAGE } from './cases.js';
import { loopOf } from './loops.js';
import type { Memory } from './variants.js';

export interface ResidentRequest {
  readonly variant: 'superslab' | 'Buffer.allocUnsafe' | 'Buffer.alloc';
  readonly work: LoopCase;
  readonly operations: number;
}

export interface ResidentReply {
  /** Growth of the resident set, in bytes. */
  readonly grown: number;
  /** Bytes of the buffers that are live at the end. */
  readonly live: number;
}

async function memoryFor(variant: ResidentRequest['variant']): Promise<Memory> {
  if (variant === 'superslab') {
    const { acquire, release } = await import('superslab');
    return { acquire, release };
  }
  const acquire =
    variant === 'Buffer.alloc'
      ? (size: number) => Buffer.alloc(size)
      : (size: number) => Buffer.allocUnsafe(size);
  return { acquire, release: () => {} };
}

/** Counts what is live. */
function counted({ acquire, release }: Memory, count: { live: number }): Memory {
  return {
    acquire: (size) => {
      count.live += size;
      return acquire(size);
    },
    release: (buf) => {
      count.live -= buf.length;
      release(buf);
    },
  };
}

serve<ResidentRequest, ResidentReply>(async ({ variant, work, operations }) => {
  // The same loop over views of one page first: the JavaScript heap has its size, the code is compiled.
  const page = new ArrayBuffer(PAGE);
  const views: Memory = { acquire: (size) => new Uint8Array(page, 0, size), release: () => {} };
  const before = loopOf(work, counted(views, { live: 0 }));
  before.run(operations);
  globalThis.gc!();
  const base = process.memoryUsage.rss();
  const count = { live: 0 };
  loopOf(work, counted(await memoryFor(variant), count)).run(operations);
  return { grown: process.memoryUsage.rss() - base, live: count.live };
});
