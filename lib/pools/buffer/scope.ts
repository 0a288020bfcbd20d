import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, HeldBuffers } from '../../pool/unfinished.js';

/** What a function called by {@link BufferPool.scope} acquires its buffers through. */
export interface Scope {
  readonly acquire: (size: number) => PooledBuffer;
  readonly alloc: (size: number) => PooledBuffer;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** What was acquired through a scope. */
class ScopeBuffers extends HeldBuffers {
  /** The function's promise releases them. */
  isAwaited = false;
  /** Nobody would release what is acquired from now on. */
  isOver = false;

  override undo(): void {
    if (this.isAwaited) return;
    this.isOver = true;
    super.undo();
  }
}

export function scope<T>(pool: Scope, fn: (scope: Scope) => T): T {
  if (typeof fn !== 'function') {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', `scope() takes a function, got ${show(fn)}`, TypeError);
  }
  const bufs: PooledBuffer[] = [];
  // While the function runs, or until its promise knows whom to tell: if it is cut off, upkeep ends the scope.
  const held = begin(new ScopeBuffers(bufs));
  const track =
    (acquire: (size: number) => PooledBuffer) =>
    (size: number): PooledBuffer => {
      if (held.isOver)
        throw makeError('ERR_SUPERSLAB_CLOSED', 'the scope has ended: nobody would release the buffer');
      const buf = acquire(size);
      bufs[bufs.length] = buf;
      return buf;
    };
  const end = () => {
    held.isOver = true;
    // What the function released itself is done; what it retained keeps the other references.
    const error = held.releaseAll();
    // What the stack was too full for is left to upkeep.
    if (held.isEmpty) finish(held);
    return error;
  };
  const endAwaited = () => {
    held.isAwaited = false;
    begin(held);
    return end();
  };
  const succeed = <Result>(result: Result): Result => {
    const error = endAwaited();
    if (error !== undefined) throw error;
    return result;
  };
  // What the function itself threw comes before what a release throws.
  const fail = (error: unknown): never => {
    endAwaited();
    throw error;
  };

  let result: T;
  try {
    result = fn({ acquire: track(pool.acquire), alloc: track(pool.alloc) });
    if (isPromise(result)) {
      const settled = builtins.Promise.resolve(result).then(succeed, fail) as T;
      held.isAwaited = true;
      finish(held);
      return settled;
    }
  } catch (error) {
    end();
    throw error;
  }
  const error = end();
  if (error !== undefined) throw error;
  return result;
}
