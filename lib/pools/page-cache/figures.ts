import type { NativePageFigures } from '../../addon/page-binding.js';
import { bytes, count, percent } from '../../base/text.js';
import type { Frames } from './frames.js';

/** What a {@link PageCache} has in memory, and what it has done. */
export interface PageCacheFigures extends NativePageFigures {
  /** Most frames that there may be. */
  readonly maxFrames: number;
  /** Pins of pages that were there. */
  readonly hits: number;
}

/** Those of a cache that is closed and has everything back. */
const NOTHING: NativePageFigures = {
  filePages: 0,
  frames: 0,
  pages: 0,
  pinned: 0,
  dirty: 0,
  misses: 0,
  prefetches: 0,
  reads: 0,
  writes: 0,
  writeCalls: 0,
  writesAhead: 0,
  evictions: 0,
  waits: 0,
  checkpoints: 0,
  damaged: 0,
  writeFailures: 0,
};

export function figuresOf({ native, settings, hits }: Frames): PageCacheFigures {
  return { ...(native.pageFigures() ?? NOTHING), maxFrames: settings.frames, hits: hits[0]! };
}

/** The same in words. */
export function figuresText(figures: PageCacheFigures, pageSize: number): string {
  const { hits, misses, pages, pinned, dirty, reads, writes, writeCalls, writesAhead } = figures;
  const pins = hits + misses;
  return [
    'pages',
    `  ${count(pages)} of ${count(figures.filePages)} pages are in memory (${bytes(pages * pageSize)}), ${count(pinned)} pinned, ${count(dirty)} dirty`,
    `  ${count(pins)} pins, ${percent(pins === 0 ? 0 : hits / pins)} of pages that were there; ${count(reads)} read, ${count(figures.prefetches)} of them ahead`,
    `  ${count(writes)} written with ${count(writeCalls)} calls, ${count(writesAhead)} of them ahead; ${count(figures.waits)} times somebody had to wait for that`,
    `  ${count(figures.evictions)} evicted, ${count(figures.checkpoints)} checkpoints, ${count(figures.damaged)} damaged, ${count(figures.writeFailures)} writes failed`,
  ].join('\n');
}
