// The ways to give a worker the contents of a buffer. Each is what its users do: one buffer that is copied
// again and again, a new buffer for each message that is transferred, and so on.
import superslab, { acquire, type PooledBuffer, type ShareToken } from 'superslab';

export const TRANSPORTS = [
  'superslab',
  'copy',
  'transfer',
  'transfer there and back',
  'empty message',
] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** What a message carries besides its number. */
export type Parcel = ShareToken | Uint8Array | undefined;

export interface Sender {
  /** Memory to write the next message into. */
  take(): Uint8Array;
  /** What is posted for it, and what of that is transferred. */
  pack(buf: Uint8Array): { parcel: Parcel; transfer: ArrayBuffer[] };
  /** The worker has answered, and sent this back. */
  answered(parcel: Parcel): void;
}

export interface Receiver {
  open(parcel: Parcel): Uint8Array;
  /** The worker has read it; what goes back with the answer. */
  close(buf: Uint8Array): { parcel: Parcel; transfer: ArrayBuffer[] };
}

const NOTHING = { parcel: undefined, transfer: [] };
const whole = (buf: Uint8Array) => ({ parcel: buf, transfer: [buf.buffer as ArrayBuffer] });

export function senderOf(name: TransportName, size: number): Sender {
  const answered = () => {};
  switch (name) {
    case 'superslab':
      return {
        take: () => acquire(size),
        pack: (buf) => {
          const parcel = superslab.share(buf as PooledBuffer);
          (buf as PooledBuffer).release();
          return { parcel, transfer: [] };
        },
        answered,
      };
    case 'copy': {
      // postMessage() has copied it when it returns, so one buffer does for all messages.
      const buf = Buffer.alloc(size);
      return { take: () => buf, pack: (parcel) => ({ parcel, transfer: [] }), answered };
    }
    case 'transfer':
      // A buffer of its own for each: what of Buffer.allocUnsafe() comes from Node's pool cannot be transferred.
      return { take: () => new Uint8Array(size), pack: whole, answered };
    case 'transfer there and back': {
      const idle: Uint8Array[] = [];
      return {
        take: () => idle.pop() ?? new Uint8Array(size),
        pack: whole,
        answered: (parcel) => idle.push(parcel as Uint8Array),
      };
    }
    case 'empty message': {
      // Nothing goes over: each thread has a buffer of its own.
      const memory = Buffer.alloc(size);
      return { take: () => memory, pack: () => NOTHING, answered };
    }
  }
}

export function receiverOf(name: TransportName, size: number): Receiver {
  const close = () => NOTHING;
  switch (name) {
    case 'superslab':
      return {
        open: (parcel) => superslab.adopt(parcel as ShareToken),
        close: (buf) => {
          (buf as PooledBuffer).release();
          return NOTHING;
        },
      };
    case 'copy':
    case 'transfer':
      return { open: (parcel) => parcel as Uint8Array, close };
    case 'transfer there and back':
      return { open: (parcel) => parcel as Uint8Array, close: whole };
    case 'empty message': {
      const memory = Buffer.alloc(size);
      return { open: () => memory, close };
    }
  }
}
