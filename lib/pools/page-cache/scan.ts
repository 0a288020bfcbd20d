import { aCount, checkOptions } from '../../addon/option-checks.js';
import type { Page } from './page.js';
import type { Pins } from './pins.js';
import { Ring } from './ring.js';

/** Which pages {@link PageCache.scan} gives, and what it takes for them. */
export interface ScanOptions {
  /**
   * The first page.
   * @default 0
   */
  from?: number;
  /**
   * The page behind the last.
   * @default the number of pages that the file has when the scan begins
   */
  to?: number;
  /**
   * How many frames it brings its pages into, again and again; at most an eighth of all.
   * @default as many as 256 KiB are, as PostgreSQL has it
   */
  ring?: number;
}

const RING_BYTES = 256 * 1024;
const MOST_PAGES = 2 ** 32 - 1;

const checks = {
  from: aCount(0, MOST_PAGES),
  to: aCount(0, MOST_PAGES),
  ring: aCount(1, 2 ** 26),
};

/**
 * Pages one after the other: `for (const page of scan)`, which reads as pinSync() does, or `for await`, which reads as pin() does. Each
 * page is pinned until the next one comes, or the loop ends.
 */
export class PageScan implements Iterable<Page>, AsyncIterable<Page> {
  readonly #pins: Pins;
  readonly #from: number;
  readonly #to: number;
  readonly #ring: number;

  constructor(pins: Pins, options: ScanOptions) {
    checkOptions('scan()', options, checks);
    const { native, settings } = pins.frames;
    const { from = 0, to = native.pageCount(), ring } = options;
    const most = Math.max(1, Math.floor(settings.frames / 8));
    this.#pins = pins;
    this.#from = from;
    this.#to = to;
    this.#ring = Math.min(ring ?? Math.max(1, Math.floor(RING_BYTES / settings.pageSize)), most);
  }

  *[Symbol.iterator](): Generator<Page, void, undefined> {
    const ring = new Ring(this.#ring);
    for (let no = this.#from; no < this.#to; no++) {
      const page = this.#pins.pinNow(no, ring);
      try {
        yield page;
      } finally {
        if (!page.released) page.release();
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Page, void, undefined> {
    const ring = new Ring(this.#ring);
    for (let no = this.#from; no < this.#to; no++) {
      const page = await this.#pins.pin({
        no,
        ring,
        signal: undefined,
        stack: this.#pins.stackOf(PageScan.prototype[Symbol.asyncIterator]),
      });
      try {
        yield page;
      } finally {
        if (!page.released) page.release();
      }
    }
  }
}
