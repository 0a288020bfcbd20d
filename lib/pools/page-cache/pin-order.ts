import type { Ring } from './ring.js';

/** A pin that may have to wait. */
export interface PinOrder {
  readonly no: number;
  readonly ring: Ring | undefined;
  readonly signal: AbortSignal | undefined;
  /** Who wants it, where pins are watched. */
  readonly stack: string;
}
