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

/** The page that a scan has pinned. */
interface Current {
  page: Page | undefined;
}

function letGo(current: Current): void {
  const { page } = current;
  current.page = undefined;
  if (page !== undefined && !page.released) page.release();
}

/** A loop that was cut off ends no iterator: its page goes back when nobody has the iterator any more. */
const dropped = new FinalizationRegistry(letGo);

/** No generator: what one holds when it is cut off, nobody can give back. */
class PageWalk implements IterableIterator<Page> {
  readonly #pins: Pins;
  readonly #to: number;
  readonly #ring: Ring;
  readonly #current: Current = { page: undefined };
  #no: number;

  constructor(pins: Pins, from: number, to: number, ring: Ring) {
    this.#pins = pins;
    this.#no = from;
    this.#to = to;
    this.#ring = ring;
    dropped.register(this, this.#current);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Page, undefined> {
    letGo(this.#current);
    if (this.#no >= this.#to) return { done: true, value: undefined };
    const page = this.#pins.pinNow(this.#no, this.#ring);
    this.#current.page = page;
    this.#no++;
    return { done: false, value: page };
  }

  return(): IteratorResult<Page, undefined> {
    this.#no = this.#to;
    letGo(this.#current);
    return { done: true, value: undefined };
  }
}

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

  [Symbol.iterator](): IterableIterator<Page> {
    return new PageWalk(this.#pins, this.#from, this.#to, new Ring(this.#ring));
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
