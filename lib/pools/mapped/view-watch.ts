// Who has views of blocks, and who allocated blocks that were never committed: with leak detection.
import type { NativePool } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { LEAK_DETECTION } from '../../addon/generated/choices.js';
import { FILE_COUNT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import type { GuardReport } from '../../base/misuse.js';
import { CapturedStack, ownRealm } from '../../base/stack.js';
import { Findings } from '../../guard/findings.js';
import type { Listeners } from '../../guard/publishing.js';
import { sampleBudget } from '../../guard/sample-budget.js';
import type { PoolLeakMessage } from '../../measure/channels.js';

/** Views until a sample is asked for again when the budget for them is used up. */
const REST = 4096;
/** Blocks that wait for a commit of which it is known who allocated them. */
const MOST_FRESH = 4096;

type Hidden = (...args: never[]) => unknown;

/** One view that is watched. Nothing that it leads to may hold the view. */
export interface ViewLease {
  readonly watch: ViewWatch;
  readonly handle: number;
  readonly size: number;
  readonly stack: string;
  readonly sinceMs: number;
  /** The view was released. Stored before anything is called that could be cut off. */
  isEnded: boolean;
}

const registry = new FinalizationRegistry<ViewLease>((lease) => lease.watch.collected(lease));

/** Watches the views of one pool, and the blocks of its next commit. */
export class ViewWatch {
  readonly #pool: string;
  readonly #native: NativePool;
  readonly #counts: Float64Array;
  readonly #findings = new Findings();
  readonly #watchesAll: boolean;
  readonly #samples: boolean;
  readonly #live = new Set<ViewLease>();
  /** By handle: blocks that no commit has made last yet. */
  readonly #fresh = new Map<number, ViewLease>();
  #untilSample = 0;

  constructor(pool: string, native: NativePool, counts: Float64Array) {
    const { leakDetection } = native;
    this.#pool = pool;
    this.#native = native;
    this.#counts = counts;
    this.#watchesAll = leakDetection > LEAK_DETECTION.sampled;
    this.#samples = leakDetection === LEAK_DETECTION.sampled;
    if (leakDetection === LEAK_DETECTION.off) return;
    native.watch(pool);
    // Made now: it takes milliseconds.
    if (this.#watchesAll && native.leakFrames > 0) ownRealm();
    this.#setNext();
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  /** From 1 to twice the mean, less one. */
  #setNext(): void {
    this.#untilSample = 1 + Math.floor(builtins.random() * (2 * this.#native.leakSample - 1));
  }

  /** Whether the next view is one to watch. */
  isDue(): boolean {
    if (this.#watchesAll) return true;
    if (!this.#samples || --this.#untilSample > 0) return false;
    if (sampleBudget.isOpen) return true;
    this.#untilSample = REST;
    return false;
  }

  /** `isNew`: of a block that was allocated just now. `hidden` is under way, and not to be seen in the stack. */
  begin(view: object, handle: number, size: number, isNew: boolean, hidden: Hidden): ViewLease {
    const sinceMs = now();
    const { leakFrames } = this.#native;
    const stack = leakFrames === 0 ? '' : new CapturedStack(leakFrames, hidden).text;
    const lease: ViewLease = { watch: this, handle, size, stack, sinceMs, isEnded: false };
    if (isNew && this.#watchesAll && this.#fresh.size < MOST_FRESH) this.#fresh.set(handle, lease);
    this.#live.add(lease);
    registry.register(view, lease, lease);
    if (this.#samples) {
      this.#setNext();
      sampleBudget.spend(sinceMs, now());
    }
    return lease;
  }

  /** The view was released, or its block freed. */
  end(lease: ViewLease): void {
    if (this.#live.delete(lease)) registry.unregister(lease);
  }

  /** What was allocated lasts, or was undone. */
  committed(): void {
    if (this.#fresh.size > 0) this.#fresh.clear();
  }

  /** The collector has taken a view that nobody had released. The block stays. */
  collected(lease: ViewLease): void {
    if (!this.#live.delete(lease) || lease.isEnded) return;
    this.#counts[FILE_COUNT.views]!--;
    this.#add('view', lease);
    this.deliver();
  }

  /** The pool is closed now: blocks are lost that `isLive` and that nobody has committed. */
  closing(isLive: (handle: number) => boolean): void {
    for (const lease of this.#live) registry.unregister(lease);
    this.#live.clear();
    for (const [handle, lease] of this.#fresh) if (isLive(handle)) this.#add('block', lease);
    this.#fresh.clear();
  }

  #add(what: PoolLeakMessage['what'], { size, stack, sinceMs }: ViewLease): void {
    const about = { tag: '', stack, size, ageMs: now() - sinceMs };
    const count = this.#native.noteLeak({ ...about, bytes: size, estimated: 1 });
    const references = { references: 1, retains: 0, sharedReferences: 0 };
    this.#findings.addLeak({ what, pool: this.#pool, count, ...about, ...references });
  }

  /** Tells of what was found, where nothing is half done. */
  deliver(): void {
    this.#findings.deliver();
  }

  check(): GuardReport[] {
    this.deliver();
    return [];
  }
}
