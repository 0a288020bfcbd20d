// A fresh process with a small working set in steady churn: how much memory does it hold for it?
import { acquire, release } from 'superslab';
import { serve } from '../../lib/cli/bench/lane.js';
import { type LoopCase, PAGE } from './cases.js';
import { loopOf } from './loops.js';
import type { Memory } from './variants.js';

export interface ResidentRequest {
  readonly variant: 'superslab' | 'Buffer.allocUnsafe' | 'Buffer.alloc';
  readonly work: LoopCase;
  readonly operations: number;
}

export interface ResidentReply {
  /** Growth of the resident set without that of the JavaScript heap, in bytes. */
  readonly grown: number;
  /** Bytes of the buffers that are live at the end. */
  readonly live: number;
}

function memoryOf(variant: ResidentRequest['variant']): Memory {
  if (variant === 'superslab') return { acquire, release };
  const take =
    variant === 'Buffer.alloc'
      ? (size: number) => Buffer.alloc(size)
      : (size: number) => Buffer.allocUnsafe(size);
  return { acquire: take, release: () => {} };
}

/** Views of one page, as large in the JavaScript heap as pooled buffers are. */
class View extends Uint8Array {
  #block = -1;

  get block(): number {
    return this.#block;
  }
}

/** The resident set but for the JavaScript heap, whose size changes by steps of its own. */
function outsideHeap(): number {
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}

/** Counts what is live. */
function counted(memory: Memory, count: { live: number }): Memory {
  return {
    acquire: (size) => {
      count.live += size;
      return memory.acquire(size);
    },
    release: (buf) => {
      count.live -= buf.length;
      memory.release(buf);
    },
  };
}

serve<ResidentRequest, ResidentReply>(({ variant, work, operations }) => {
  // The same loop without any memory first: the code is compiled, and the JavaScript heap has taken the
  // room that it takes for so many small objects, whatever is behind them.
  const page = new ArrayBuffer(PAGE);
  const nothing: Memory = { acquire: (size) => new View(page, 0, size), release: () => {} };
  loopOf(work, counted(nothing, { live: 0 })).run(operations);
  const base = outsideHeap();
  const count = { live: 0 };
  loopOf(work, counted(memoryOf(variant), count)).run(operations);
  return { grown: outsideHeap() - base, live: count.live };
});
