import { check, type HeapId, type NativePool, type PoolId } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { CACHE_PINS, MAGAZINES, OBJECT_COUNT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import { poolTeller } from '../../measure/pool-teller.js';
import { type Core, closingCores, openCores, type ThreadFigures } from '../../pool/cores.js';
import { begin, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import type { Advice } from '../../stats/advice/advice.js';
import { OpeningPool } from '../opening-pool.js';
import { type PinWatch, pinWatchOf } from '../pin-watch.js';
import { optionPairs } from '../pool-options.js';
import type { Computing } from './computing.js';
import type { CacheCore } from './core.js';
import type { Reader } from './reader.js';

/** Upkeep has nothing to do for a cache but to show its figures. */
const SHOWN_EVERY_MS = 10_000;

/**
 * A cache in the list of the process's pools. Its heap holds nothing, since values are in the file; what it lends are pages, which are
 * counted as objects.
 */
export class CachePoolCore implements Core {
  readonly name: string;
  readonly id: PoolId;
  readonly native: NativePool;
  readonly heapId: HeapId;
  readonly purgeDelayMs = SHOWN_EVERY_MS;
  readonly magazines = undefined;
  readonly watcher = undefined;
  listeners: Core['listeners'];
  /** Undefined unless leak detection or a guard watches all pins. */
  readonly watch: PinWatch | undefined;
  /** What advice() of the cache says. Set when it has been made. */
  advise: () => readonly Advice[] = () => [];
  /** What getOrCompute() has under way. Set when it has been made. */
  computing: Computing | undefined = undefined;
  readonly #cache: CacheCore;
  readonly #reader: Reader;
  readonly #counts: Float64Array;

  constructor(name: string, native: NativePool, cache: CacheCore, reader: Reader) {
    const memory = native.magazines;
    if (memory === undefined) throw hostError();
    const { at, length } = MAGAZINES.objects;
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.#cache = cache;
    this.#reader = reader;
    this.#counts = new builtins.Float64Array(memory, at * 4, length / 2);
    this.#counts[OBJECT_COUNT.max] = CACHE_PINS - 1;
    this.#counts[OBJECT_COUNT.isCounted] = 1;
    this.watch = pinWatchOf('page', name, native, {
      unpin: (handle) => reader.unpinLost(handle),
      afterUnpin: () => {},
    });
    const identity = { id: this.id, name, native, maxBytes: 0 };
    reader.tellRefusals(() => poolTeller.tellExhausted(identity, 0, 'throw'));
    openCores.set(this.id, this);
  }

  get closed(): boolean {
    return this.#cache.closed;
  }

  publish(): void {
    const counts = this.#counts;
    const { pinned, refused, lent, peak } = this.#reader;
    counts[OBJECT_COUNT.acquires] = pinned;
    counts[OBJECT_COUNT.exhausted] = refused;
    counts[OBJECT_COUNT.inUse] = lent;
    counts[OBJECT_COUNT.made] = pinned;
    counts[OBJECT_COUNT.destroyed] = pinned - lent;
    if (peak > counts[OBJECT_COUNT.peakInUse]!) {
      counts[OBJECT_COUNT.peakInUse] = peak;
      counts[OBJECT_COUNT.peakInUseAtMs] = builtins.dateNow();
    }
  }

  threadFigures(): ThreadFigures {
    return { fallbacks: 0, waiting: 0 };
  }

  serveWaiters(): void {}

  tick(): boolean {
    this.computing?.look();
    this.publish();
    const { messages } = this.#cache;
    if (messages.tellsAlerts) messages.tellAlerts(this.advise());
    return this.#reader.lent > 0 || messages.tellsAlerts || this.computing?.isBusy === true;
  }

  relieve(): number {
    return 0;
  }

  close(): void {
    scheduleUpkeep();
    closingCores.add(this);
    this.endClosing();
    this.settle();
  }

  endClosing(): void {
    this.#cache.close();
    openCores.delete(this.id);
    this.#reader.giveUp();
    this.computing?.close();
  }

  settle(): void {
    this.publish();
    this.native.close();
    if (!this.native.isSettled()) return;
    openCores.delete(this.id); // if endClosing() was cut off
    closingCores.delete(this);
  }
}

/**
 * Enters a cache among the pools.
 * @returns also an entry that the caller finishes when somebody has the cache
 */
export function enterPool(cache: CacheCore, reader: Reader): { core: CachePoolCore; opening: OpeningPool } {
  scheduleUpkeep();
  const { name, watching } = cache.settings;
  const opening = begin(new OpeningPool());
  try {
    opening.opened = environment.openPool(optionPairs(watching), name);
    return { core: new CachePoolCore(name, check(opening.opened), cache, reader), opening };
  } catch (error) {
    giveUp(opening);
    cache.close();
    throw error;
  }
}
