import type { ScopeMark, ScopeStack } from './scope-stack.js';

/** What a scope needs of its pool. */
interface Promoter {
  readonly scopes: ScopeStack;
  promote(handle: number): number;
}

/** What a function called by {@link GenerationalPool.scope} makes its values through. */
export class ValueScope {
  readonly #values: Promoter;
  readonly #stack: ScopeStack;
  readonly #mark: ScopeMark;

  constructor(values: Promoter, mark: ScopeMark) {
    this.#values = values;
    this.#stack = values.scopes;
    this.#mark = mark;
  }

  /**
   * A copy of `bytes` that ends with the scope. The pool's get(), length(), copyTo() and free() take its handle.
   * @throws ERR_SUPERSLAB_CLOSED when the scope has ended, and what put() of the pool throws
   */
  put(bytes: Uint8Array): number {
    return this.#stack.put(this.#mark, bytes);
  }

  /**
   * Has a value outlive the scope: a copy of it in young, until it is freed. It has survived as much as a collection.
   * @returns its handle, which is another one than that in the scope; that of a value that was not made in a scope stays as it is
   * @throws what get() and put() of the pool throw
   */
  promote(handle: number): number {
    return this.#values.promote(handle);
  }
}
