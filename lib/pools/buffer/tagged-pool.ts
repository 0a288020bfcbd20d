import { makeError, show } from '../../base/errors.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { acquireInTurn } from '../in-turn.js';
import type { ObservedCore } from '../observed-core.js';
import { bindPrepared } from '../prepared.js';
import { acquireMany } from './acquire-many.js';
import { copyOf } from './from.js';
import { type Scope, scope } from './scope.js';

const MAX_CHARACTERS = 64;
const PRINTABLE = /^[^\p{C}]+$/u;

/** Throws unless `tag` may name what a pool's buffers are for. */
export function checkTag(tag: unknown): asserts tag is string {
  if (typeof tag === 'string' && tag.length <= MAX_CHARACTERS && PRINTABLE.test(tag)) return;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `a tag is a string of 1 to ${MAX_CHARACTERS} printable characters, got ${show(tag)}`,
    TypeError,
  );
}

/**
 * A pool whose buffers carry a tag, for the reports of leak detection and guards: what they are for.
 * Made by {@link BufferPool.tagged}. Its buffers are released as any other.
 */
export class TaggedPool implements Scope {
  readonly tag: string;
  /** See {@link BufferPool.acquire}. Bound. While nothing is watched it is that very function. */
  readonly acquire: (size: number) => PooledBuffer;
  /** See {@link BufferPool.alloc}. Bound. */
  readonly alloc: (size: number) => PooledBuffer;
  readonly #pool: Scope;
  readonly #core: ObservedCore;
  readonly #ready: (buf: PooledBuffer) => PooledBuffer;

  /** @internal */
  constructor(pool: Scope, tag: string, core: ObservedCore, ready: (buf: PooledBuffer) => PooledBuffer) {
    this.tag = tag;
    this.#pool = pool;
    this.#core = core;
    this.#ready = (buf) => this.#mark(ready(buf));
    const watches = core.watcher !== undefined;
    const { acquire, alloc } = pool;
    const mark = (buf: PooledBuffer) => void this.#mark(buf);
    this.acquire = watches ? bindPrepared(acquire, mark) : acquire;
    this.alloc = watches ? bindPrepared(alloc, mark) : alloc;
  }

  #mark(buf: PooledBuffer): PooledBuffer {
    const lease = leases.leaseOf(buf);
    if (lease !== undefined) lease.tag = this.tag;
    return buf;
  }

  /** See {@link BufferPool.from}. */
  from(data: string | Uint8Array | ArrayBuffer, encoding: BufferEncoding = 'utf8'): PooledBuffer {
    return copyOf(this.acquire, data, encoding);
  }

  /** See {@link BufferPool.acquireMany}. */
  acquireMany(size: number, count: number): PooledBuffer[] {
    return acquireMany(this.acquire, size, count);
  }

  /** See {@link BufferPool.acquireAsync}. */
  acquireAsync(size: number, options: { signal?: AbortSignal } = {}): Promise<PooledBuffer> {
    const wish = { size, pool: this.#pool, ready: this.#ready };
    return acquireInTurn(this.#core, 'acquireAsync()', options, wish);
  }

  /** See {@link BufferPool.scope}. */
  scope<T>(fn: (scope: Scope) => T): T {
    return scope(this, fn);
  }
}
