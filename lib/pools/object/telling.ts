// What pools of objects tell listeners.
import { duration } from '../../base/text.js';
import type { Listeners, PoolEvents } from '../../guard/publishing.js';
import { withoutThrowing } from '../../guard/publishing.js';

/** The event `leaseTimeout`: somebody has had an object for longer than `leaseTimeoutMs`. */
export interface LeaseTimeoutMessage {
  readonly pool: string;
  /** How long. */
  readonly heldMs: number;
  /** Where it was taken; empty when no stacks are kept. */
  readonly stack: string;
}

/** The events of an ObjectPool, for pool.on(). */
export interface ObjectPoolEvents extends PoolEvents {
  /** What create threw, or was rejected with. */
  createError: [error: unknown];
  /** The same of destroy. */
  destroyError: [error: unknown];
  /** Each lease that lasts too long, once. */
  leaseTimeout: [message: LeaseTimeoutMessage];
}

export const OBJECT_POOL_EVENTS = [
  'leak',
  'guard',
  'pressure',
  'createError',
  'destroyError',
  'leaseTimeout',
] as const;

/** Those who listen to one pool, as far as they are still there. */
export class ObjectPoolTeller {
  /** Weak, because listeners may hold the pool, which must stay collectable. */
  listeners: WeakRef<Listeners> | undefined = undefined;

  /** What a listener throws is thrown when all is done. */
  tell<Name extends keyof ObjectPoolEvents>(name: Name, message: ObjectPoolEvents[Name][0]): void {
    const listeners = this.listeners?.deref();
    if (listeners === undefined) return;
    withoutThrowing(() =>
      (listeners as { emit(name: string, message: unknown): boolean }).emit(name, message),
    );
  }

  tellLeaseTimeout(message: LeaseTimeoutMessage): void {
    const { pool, heldMs, stack } = message;
    this.tell('leaseTimeout', message);
    const where = stack === '' ? '' : `; it was taken\n${stack}`;
    withoutThrowing(() =>
      process.emitWarning(`an object of pool "${pool}" is lent for ${duration(heldMs * 1e6)}${where}`, {
        type: 'SuperslabLeaseTimeout',
        code: 'SUPERSLAB_LEASE_TIMEOUT',
      }),
    );
  }
}
