import { builtins } from '../base/builtins.js';
import { makeError } from '../errors.js';
import { abortReason } from '../option-checks.js';
import type { PooledBuffer } from './pooled-buffer.js';

interface Waiter {
  readonly size: number;
  /** Keeps the pool from being collected, and closed, while somebody waits for it. */
  readonly pool: object;
  resolve(buf: PooledBuffer): void;
  reject(reason: unknown): void;
}

export interface WaitersHost {
  /** A buffer, or undefined when there is still no room for it. Other failures throw. */
  tryAcquire(size: number): PooledBuffer | undefined;
  startWaiting(): void;
  stopWaiting(): void;
}

/**
 * Who waits in acquireAsync(), first come first served: a small request behind a large one waits for
 * it, so that the large one is not starved.
 */
export class Waiters {
  readonly #host: WaitersHost;
  readonly #queue: Waiter[] = [];
  #serving = false;

  constructor(host: WaitersHost) {
    this.#host = host;
  }

  get length(): number {
    return this.#queue.length;
  }

  wait(size: number, signal: AbortSignal | undefined, pool: object): Promise<PooledBuffer> {
    return new builtins.Promise((resolve, reject) => {
      const waiter: Waiter = {
        size,
        pool,
        resolve(buf) {
          signal?.removeEventListener('abort', onAbort);
          resolve(buf);
        },
        reject(reason) {
          signal?.removeEventListener('abort', onAbort);
          reject(reason);
        },
      };
      const onAbort = () => {
        const place = this.#queue.indexOf(waiter);
        if (place < 0) return;
        this.#queue.splice(place, 1);
        waiter.reject(abortReason(signal!));
        // Those behind it may be smaller.
        if (place === 0) this.serve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiter);
      if (this.#queue.length === 1) {
        this.#host.startWaiting();
        // Room may have been made before anybody knew that we wait.
        this.serve();
      }
    });
  }

  /** Serves as many from the head of the queue as there is room for. */
  serve(): void {
    // A buffer taken here may make the host flush, which gives back, which would serve again.
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.#queue.length > 0) {
        const waiter = this.#queue[0]!;
        let buf: PooledBuffer | undefined;
        try {
          buf = this.#host.tryAcquire(waiter.size);
        } catch (error) {
          if (this.#queue[0] === waiter) this.#queue.shift();
          waiter.reject(error);
          continue;
        }
        if (this.#queue[0] !== waiter) {
          buf?.release(); // a subscriber of superslab:pool:grow aborted it, or closed the pool
          continue;
        }
        if (buf === undefined) return;
        this.#queue.shift();
        waiter.resolve(buf);
      }
    } finally {
      this.#serving = false;
      if (this.#queue.length === 0) this.#host.stopWaiting();
    }
  }

  /** The pool was closed. */
  rejectAll(poolName: string): void {
    for (const waiter of this.#queue.splice(0)) {
      waiter.reject(
        makeError('ERR_SUPERSLAB_CLOSED', `pool "${poolName}" was closed while acquireAsync() waited`),
      );
    }
  }
}
