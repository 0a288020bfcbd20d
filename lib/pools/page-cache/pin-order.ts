import type { PageHolder } from './page.js';
import type { Ring } from './ring.js';

/** One who asks for one page after the other. */
export interface PageKeeper extends PageHolder {
  /** The last page that had to be waited for. */
  pending: { readonly promise: Promise<unknown>; readonly isSettled: boolean } | undefined;
}

/** A pin that may have to wait. */
export interface PinOrder {
  readonly no: number;
  readonly ring: Ring | undefined;
  readonly signal: AbortSignal | undefined;
  /** Who wants it, where pins are watched. */
  readonly stack: string;
  /** What has the pin from the moment on that the promise is resolved, if that is not who has the promise. */
  readonly keeper: PageKeeper | undefined;
}
