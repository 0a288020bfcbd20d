import type { Parcel, TransportName } from './transports.js';

/** What a worker starts with. */
export interface Setup {
  readonly transport: TransportName;
  /** Bytes of a message. */
  readonly size: number;
  readonly touch: boolean;
}

/** To the worker. */
export interface Message {
  readonly id: number;
  readonly parcel: Parcel;
}

/** From the worker. */
export interface Answer extends Message {
  /** {@link clock} when the contents were read. */
  readonly readAt: number;
  /** Of the bytes read and the length. */
  readonly sum: number;
}

/** Nanoseconds on a clock that is the same in all threads. */
export function clock(): number {
  return Number(process.hrtime.bigint());
}
