import { Deferred } from '../../pool/deferred.js';
import type { HeldPin } from './frame.js';
import { type Page, pages } from './page.js';
import type { PinOrder } from './pin-order.js';

/** Somebody who waits in pin() or a scan: for a frame, or for a page to be read. He has one promise, whatever he waits for. */
export class PendingPin extends Deferred<unknown> {
  readonly order: PinOrder;
  readonly #resultOf: (page: Page) => unknown;
  /** The page while nobody has the promise, nor anything else the pin. */
  page: Page | undefined = undefined;

  /** `resultOf`: what the promise resolves to. */
  constructor(order: PinOrder, resultOf: (page: Page) => unknown) {
    super();
    this.order = order;
    this.#resultOf = resultOf;
  }

  /** Either it is cut off while `held` has the pin, or the promise has it, and all stores have happened. */
  deliver(held: HeldPin): void {
    const page = held.page!;
    const result = this.#resultOf(page);
    const { keeper } = this.order;
    this.resolve(result);
    this.isSettled = true;
    held.page = undefined;
    held.index = -1;
    if (keeper !== undefined) keeper.page = page;
    else if (this.isEntering) this.page = page;
  }

  override abandon(): void {
    super.abandon();
    pages.letGo(this);
  }
}
