import { aCount, checkOptions } from '../../addon/option-checks.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import { scanBusyError } from './errors.js';
import { type Page, type PageHolder, pages } from './page.js';
import type { PageKeeper } from './pin-order.js';
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

type Step = IteratorResult<Page, undefined>;

const END: Step = Object.freeze({ done: true, value: undefined });
const stepOf = (page: Page): Step => ({ done: false, value: page });

/** A loop that was cut off ends no iterator: its page goes back when nobody has the iterator any more. */
const dropped = new FinalizationRegistry<PageHolder>(pages.letGo);

/** No generator: what one holds when it is cut off, nobody can give back. Nor is the next one. */
class PageWalk implements IterableIterator<Page> {
  readonly #pins: Pins;
  readonly #to: number;
  readonly #ring: Ring;
  readonly #current: PageHolder = { page: undefined };
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

  next(): Step {
    pages.letGo(this.#current);
    if (this.#no >= this.#to) return END;
    const page = this.#pins.pinNow(this.#no, this.#ring);
    this.#current.page = page;
    this.#no++;
    return { done: false, value: page };
  }

  return(): Step {
    this.#no = this.#to;
    pages.letGo(this.#current);
    return END;
  }
}

class AsyncPageWalk implements AsyncIterableIterator<Page> {
  readonly #pins: Pins;
  readonly #to: number;
  readonly #ring: Ring;
  readonly #current: PageKeeper = { page: undefined, pending: undefined };
  #no: number;

  constructor(pins: Pins, from: number, to: number, ring: Ring) {
    this.#pins = pins;
    this.#no = from;
    this.#to = to;
    this.#ring = ring;
    dropped.register(this, this.#current);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): Step {
    this.#no = this.#to;
    pages.letGo(this.#current);
    return END;
  }

  next(): Promise<Step> {
    try {
      if (this.#current.pending?.isSettled === false) throw scanBusyError();
      pages.letGo(this.#current);
      if (this.#no >= this.#to) return builtins.promiseResolve(END);
      const stack = this.#pins.stackOf(this.next);
      const order = {
        no: this.#no,
        ring: this.#ring,
        signal: undefined,
        stack,
        keeper: this.#current,
      };
      this.#no++;
      return this.#pins.pinAs(order, stepOf);
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  return(): Promise<Step> {
    try {
      const { pending } = this.#current;
      const end = (): Step => this.#end();
      if (pending?.isSettled === false) return promiseThen(pending.promise, end, end) as Promise<Step>;
      return builtins.promiseResolve(end());
    } catch (error) {
      return builtins.promiseReject(error);
    }
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

  [Symbol.asyncIterator](): AsyncIterableIterator<Page> {
    return new AsyncPageWalk(this.#pins, this.#from, this.#to, new Ring(this.#ring));
  }
}
