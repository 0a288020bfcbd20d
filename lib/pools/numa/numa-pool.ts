import { check, type NativePool } from '../../addon/binding.js';
import { environment, facts } from '../../addon/environment.js';
import { ZERO } from '../../addon/generated/choices.js';
import type { LiveOptions } from '../../addon/generated/options.js';
import { fill } from '../../base/builtins.js';
import { checkBooks } from '../../pool/books.js';
import { lendFresh } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { bindAcquire } from '../buffer/bind-acquire.js';
import { adoptToken, revokeToken, type ShareToken, shareBuffer } from '../buffer/share-token.js';
import { CorePool } from '../core-pool.js';
import { acquireInTurn, cleared } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { livePairs, poolName } from '../pool-options.js';
import { bindPrepared } from '../prepared.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { NodeShares, SharesWatch } from './node-shares.js';
import { type NumaPoolOptions, numaPairs, refuseNuma } from './options.js';

/** Whoever has only a bound function of a pool has the pool. */
const OWNER = Symbol('pool');

/** A core for each share of the pool: that of facts.nodes[0], which leads, and so on. */
function coresOf(name: string, native: NativePool, onUpkeep: () => void): ObservedCore[] {
  const cores: ObservedCore[] = [];
  const lending = lendFresh('getAsync()', onUpkeep);
  for (const share of [native, ...(native.shares ?? [])]) {
    cores[cores.length] = observe(name, share, magazinesOf(share, name), lending, true, true, cores[0]);
  }
  return cores;
}

/**
 * A pool of Buffers of any size with a share for each memory node: get() gives memory of the node that the thread runs on,
 * or of the nearest that has some left. A buffer goes back to its node, from whatever thread. Memory that is used mostly
 * from another node moves there in the background. On a machine with one node it is a BufferPool. docs/pools/NUMA.md
 * tells when to use it, and when not to.
 *
 * A pool belongs to the thread that made it. Buffers go from thread to thread by {@link share} and {@link adopt}.
 *
 * @example
 * const pool = new NumaPool({ name: 'frames', maxBytes: '1g' });
 * const frame = pool.get(64 << 10);
 * socket.write(frame, () => pool.put(frame));
 */
export class NumaPool extends CorePool<PooledBuffer> {
  /**
   * A buffer of exactly `size` bytes with undefined contents, unless `zero` says otherwise. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_SIZE (RangeError, or TypeError when `size` is no number)
   * @throws ERR_SUPERSLAB_EXHAUSTED when maxBytes are in use on all nodes together, see `onExhausted`
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more, on whichever node
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly get: (size: number) => PooledBuffer;

  /**
   * Gives one reference of a buffer back, to the node that its memory was taken for. Bound. The same as `buf.release()`.
   * @throws ERR_SUPERSLAB_RELEASED when it was put before
   * @throws ERR_SUPERSLAB_FOREIGN when it is no pooled buffer: a slice, a plain Buffer, something else
   */
  readonly put: (buf: Uint8Array) => void;

  /** The kernel's numbers of the nodes that have memory for this process. */
  readonly nodes: readonly number[] = facts.nodes;

  readonly #cores: readonly ObservedCore[];
  /** undefined where there is one node. */
  readonly #shares: NodeShares | undefined;
  readonly #zeroAtAcquire: boolean;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: NumaPoolOptions = {}) {
    const pairs = numaPairs(options);
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(pairs, name, false, true);
    const native = check(opening.opened);
    const places: { shares: NodeShares | undefined } = { shares: undefined };
    let cores: ObservedCore[];
    try {
      cores = coresOf(name, native, () => places.shares?.here());
    } catch (error) {
      giveUp(opening);
      throw error;
    }
    const leading = cores[0]!;
    super(leading, leading.watcher && new SharesWatch(cores));
    const shares = cores.length === 1 ? undefined : new NodeShares(cores);
    this.#cores = cores;
    this.#shares = places.shares = shares;
    // A machine with one node pays no more than these branches.
    const got = shares === undefined ? bindAcquire(leading, leading) : (size: number) => shares.acquire(size);
    this.#zeroAtAcquire = native.zero === ZERO.acquire;
    this.get = this.#zeroAtAcquire ? bindPrepared(got, (buf) => fill(buf, 0)) : got;
    this.put =
      shares === undefined ? leases.bindRelease(leading.magazines) : (buf: Uint8Array) => shares.release(buf);
    for (const bound of [got, this.get, this.put]) Object.defineProperty(bound, OWNER, { value: this });
    closeWhenDropped(this, leading);
    rememberPool(this);
    finish(opening);
  }

  /** Most bytes of blocks in use at once, on all nodes together; 0 is no limit. */
  get maxBytes(): number {
    return this.#cores[0]!.maxBytes;
  }

  /** The kernel's number of the node that get() serves from: that of the thread, as it was noticed last. */
  get node(): number {
    return this.nodes[this.#shares?.node ?? 0]!;
  }

  /**
   * A buffer as soon as there is room for it under maxBytes, first come first served. Rejects with `signal.reason` when
   * aborted, and like {@link get} for what waiting cannot change. Never waits when `onExhausted` is 'fallback'.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  getAsync(size: number, options: { signal?: AbortSignal } = {}): Promise<PooledBuffer> {
    const ready = this.#zeroAtAcquire ? cleared<PooledBuffer> : (buf: PooledBuffer) => buf;
    return acquireInTurn(this.#here(), 'getAsync()', options, { size, pool: this, ready });
  }

  /**
   * Takes `count` buffers of `size` bytes on the node of the thread, touches their memory and gives them back, so that the
   * next ones wait for nothing. What lies idle goes back after `purgeDelayMs`, as always. Calls `onProgress` now and
   * then, and at the end.
   * @throws what {@link get} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(size: number, count: number, onProgress?: WarmProgress): void {
    warm(() => this.get(size), touchPages, count, onProgress);
  }

  /** Whether `buf` is a live buffer that was got from or adopted by this pool in this thread. */
  owns(buf: Uint8Array): boolean {
    return (this.#cores as readonly unknown[]).includes(leases.lenderOf(buf));
  }

  /**
   * A token by which any thread of the process can adopt the buffer's memory without a copy: see BufferPool.share(). A
   * thread on another node uses the memory from there, which counts for where it should lie.
   * @throws ERR_SUPERSLAB_RELEASED, ERR_SUPERSLAB_FOREIGN
   * @throws ERR_SUPERSLAB_ARGUMENT for an empty buffer, or one that a fallback gave
   */
  share(buf: PooledBuffer): ShareToken {
    return shareBuffer(buf);
  }

  /**
   * The buffer that a token stands for, whichever pool gave it. Exactly one adopt() of a token succeeds.
   * @throws ERR_SUPERSLAB_TOKEN when this process never gave it out
   * @throws ERR_SUPERSLAB_TOKEN_USED when it was adopted or revoked before
   */
  adopt(token: ShareToken): PooledBuffer {
    return adoptToken(this.#here(), token);
  }

  /**
   * Takes back a token that nobody adopted.
   * @throws ERR_SUPERSLAB_TOKEN, ERR_SUPERSLAB_TOKEN_USED
   */
  revoke(token: ShareToken): void {
    revokeToken(token);
  }

  /**
   * Changes options while the pool is open, of all nodes: see BufferPool.tune(). `numaMoveBytes: 0` has memory stay where it
   * is.
   * @throws ERR_SUPERSLAB_OPTION for an unknown option, an impossible value, or one that is fixed
   * @throws ERR_SUPERSLAB_CLOSED
   */
  tune(options: Omit<LiveOptions, 'numa'>): void {
    const pairs = livePairs(options);
    refuseNuma(pairs);
    const failure = this.#cores[0]!.tune(pairs);
    if (failure !== undefined) check(failure);
  }

  protected override contradiction(): string | undefined {
    for (const core of this.#cores) if (core !== this.#cores[0]) checkBooks(core, () => undefined);
    return undefined;
  }

  #here(): ObservedCore {
    return this.#shares?.here() ?? this.#cores[0]!;
  }
}
