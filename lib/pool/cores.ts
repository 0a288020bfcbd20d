// The pools of this environment, and what happens to all of them at once.
import { isMainThread } from 'node:worker_threads';
import type { HeapId, PoolId } from '../addon/binding.js';
import { atSignal } from '../addon/environment.js';
import { SIGNAL } from '../addon/generated/codes.js';
import { atExit } from '../base/at-exit.js';
import type { Magazines } from './magazines.js';
import type { PoolIdentity, PoolWatcher } from './observers.js';

/** What is counted of a pool in this thread's JavaScript. */
export interface ThreadFigures {
  /** Buffers that came from outside the pool because it was exhausted. */
  readonly fallbacks: number;
  /** Those who wait for room. */
  readonly waiting: number;
}

/** Whoever listens to a pool. */
interface Emitter {
  emit(name: 'pressure', message: object): boolean;
}

/** A pool of any kind as signals, upkeep and figures see it. */
export interface Core extends PoolIdentity {
  readonly heapId: HeapId;
  readonly purgeDelayMs: number;
  /** undefined for a kind that has none. */
  readonly magazines: Magazines | undefined;
  threadFigures(): ThreadFigures;
  /** Brings the figures up to date that the native side reads of this thread's memory; for a kind that counts by itself. */
  publish?(): void;
  /** Gives those who wait what there is room for. */
  serveWaiters(): void;
  readonly watcher: PoolWatcher | undefined;
  /** Gives idle memory back. Whether there is reason to come again. */
  tick(): boolean;
  /**
   * While memory is scarce: does one step of RELIEF_STEP, those before it having been done. What a kind has of each is told
   * in docs/PRESSURE.md. From the event loop.
   * @returns how many objects were destroyed; 0 of a kind that lends memory, which the native side counts
   */
  relieve(step: number): number;
  /** Those who listen to the pool, as far as they are still there. */
  readonly listeners: WeakRef<Emitter> | undefined;
  close(): void;
  /** What close() does with others. Each part may be done again, by upkeep, when close() was cut off. */
  endClosing(): void;
  /** The thread ends: what is leased now, nobody will release. For a kind that knows where that was acquired. */
  noteLeaksAtEnd?(): void;
  /** Once the closed pool has everything back, nothing of it is kept. */
  settle(): void;
}

/** Those that are not closed, by their native id. */
export const openCores = new Map<PoolId, Core>();

/** Closed pools of which something was still out when we last looked. */
export const closingCores = new Set<Core>();

/** Those of both. */
export const allCores = (): Core[] => [...openCores.values(), ...closingCores];

/** Other threads want what is cached, or have made room. */
function heedSignals(): void {
  for (const core of openCores.values()) {
    const signals = core.native.takeSignals();
    if ((signals & SIGNAL.flush) !== 0) {
      core.watcher?.unpark(true);
      core.native.flush();
    }
    if ((signals & SIGNAL.roomMade) !== 0) core.serveWaiters();
    core.watcher?.deliver();
  }
}

atSignal(heedSignals);

/** The main thread's end is that of the process: there leases are no leaks. */
if (!isMainThread) {
  atExit(() => {
    for (const core of allCores()) core.noteLeaksAtEnd?.();
  });
}
