// A window that goes along a block: one view after the other, and no page behind them stays in memory.
import type { MappedBuffer } from './mapped-buffer.js';
import type { MappedFile } from './mapped-file.js';
import { patternCode } from './options.js';

const PAGE_BYTES = 4096;
const pageDown = (at: number): number => at - (at % PAGE_BYTES);

const willNeed = patternCode('willneed');
const dontNeed = patternCode('dontneed');

/** The views of MappedPool.slide(). Each step looks the block up again: it may have been freed, or the pool closed. */
export function* slide(
  file: MappedFile,
  handle: number,
  size: number,
  step: number,
): Generator<MappedBuffer, void, undefined> {
  let view: MappedBuffer | undefined;
  let behind = 0; // what lies before it is not in memory, on account of this window
  try {
    for (let at = 0; ; at += step) {
      const first = pageDown(at);
      if (first > behind) {
        file.advisePart(handle, behind, first - behind, dontNeed);
        file.advisePart(handle, at + step, size, willNeed);
        behind = first;
      }
      view = file.part(handle, at, size, slide);
      if (view === undefined) break;
      const isLast = view.length < size;
      yield view;
      if (!view.released) view.release();
      if (isLast) break;
    }
  } finally {
    // Here also when the program has left the loop.
    if (view !== undefined && !view.released) view.release();
    file.advisePart(handle, behind, size + PAGE_BYTES, dontNeed);
  }
}
