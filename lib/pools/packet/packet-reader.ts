import type { RemoteInfo } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { abortReason } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import type { Lent } from '../../pool/unfinished.js';
import { Waiters } from '../../pool/waiters.js';
import type { Packet } from './packet.js';

/** Packets as they come. Who reads them releases them. */
export interface PacketReader extends AsyncIterableIterator<Packet> {
  /** Datagrams for which there was no packet. */
  readonly dropped: number;
}

type Step = IteratorResult<Packet, undefined>;

/** What is had when there are no more. */
export const END: Lent = Object.freeze({ released: true, release() {}, [Symbol.dispose]() {} });

const step = (packet: Lent): Step =>
  packet === END ? { value: undefined, done: true } : { value: packet as Packet, done: false };

type Listener = (() => void) | ((error: unknown) => void) | ((data: Uint8Array, sender: RemoteInfo) => void);

/** Listens until the function that is returned is called. */
export function listen(emitter: EventEmitter, listeners: Readonly<Record<string, Listener>>): () => void {
  for (const [name, listener] of Object.entries(listeners)) emitter.on(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) emitter.off(name, listener);
  };
}

/**
 * Those who wait for packets of one source. No async generator, which could be cut off with a packet in hand: what has been taken is an
 * entry until the promise of who reads is resolved.
 */
export abstract class Reader implements PacketReader {
  dropped = 0;
  protected readonly signal: AbortSignal | undefined;
  #hasBegun = false;
  #isEnded = false;
  #leave: () => void = () => {};
  readonly #waiters = new Waiters<Lent>({
    waitName: 'readFrom()',
    tryAcquire: () => this.#take(),
    startWaiting() {},
    stopWaiting() {},
  });

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal;
  }

  /** Listens to the source, until the function that is returned is called. */
  protected abstract begin(): () => void;

  /** The next packet, or END; undefined when there is none yet, and {@link wake} will be called. What it throws is the end. */
  protected abstract take(): Lent | undefined;

  /** Gives back what was taken from the source or the pool and not read. May be called again. */
  protected abstract drop(): void;

  protected get isEnded(): boolean {
    return this.#isEnded;
  }

  /** There may be something for those who wait. */
  readonly wake = (): void => this.#waiters.serve();

  #take(): Lent | undefined {
    if (this.#isEnded) return END;
    try {
      if (this.signal?.aborted) throw abortReason(this.signal);
      const packet = this.take();
      if (packet === END) this.#end();
      return packet;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #begin(): void {
    const { signal } = this;
    signal?.addEventListener('abort', this.wake);
    const leave = this.begin();
    this.#leave = () => {
      signal?.removeEventListener('abort', this.wake);
      leave();
    };
    this.#hasBegun = true;
  }

  #end(): void {
    this.#isEnded = true;
    this.#leave();
    this.drop();
  }

  next(): Promise<Step> {
    try {
      if (!this.#hasBegun && !this.#isEnded) this.#begin();
      return this.#waiters.wait({ size: 0, signal: undefined, pool: this, ready: step });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** Who waits for a packet hears that there are no more. */
  return(): Promise<Step> {
    try {
      this.#end();
      this.wake();
      return builtins.promiseResolve(step(END));
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  throw(error: unknown): Promise<never> {
    return this.return().then(() => {
      throw error;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
