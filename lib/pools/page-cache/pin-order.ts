import type { Ring } from './ring.js';

/** A pin that may have to wait. */
export interface PinOrder {
  readonly no: number;
  readonly ring: Ring | undefined;
  readonly signal: AbortSignal | undefined;
  /** Who wants it, where pins are watched. */
  readonly stack: string;
}

/** A place among those who wait for a page. Who finds that nobody has its promise drops it. */
export interface PlaceInLine {
  isDropped: boolean;
}
