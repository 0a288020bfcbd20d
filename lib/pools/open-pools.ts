// The pools of this thread, of every kind.
import { builtins } from '../base/builtins.js';
import type { Core } from '../pool/cores.js';
import type { Pool } from './pool.js';

/** What is asked of a pool when it is listed. */
type Listed = Pick<Pool, 'closed' | 'report'>;

const livePools = new Set<WeakRef<Listed>>();

/** Those that are open and that somebody still has. */
export function openPools(): Listed[] {
  const pools: Listed[] = [];
  for (const ref of livePools) {
    const pool = ref.deref();
    if (pool === undefined || pool.closed) livePools.delete(ref);
    else pools.push(pool);
  }
  return pools;
}

type Closable = Pick<Core, 'close'> & { readonly closed: boolean };

/** Pools that were dropped without close(). */
const dropped = new FinalizationRegistry<Closable>((core) => {
  if (!core.closed) core.close();
  openPools(); // forgets it
});

export function rememberPool(pool: Listed): void {
  livePools.add(new builtins.WeakRef(pool));
}

/** Has `core` closed when nobody has `pool` any more. */
export function closeWhenDropped(pool: Listed, core: Closable): void {
  dropped.register(pool, core, pool);
}

/** The same for a pool that things which it lends do without: when nobody has `held`, which they and the pool hold. */
export function closeWhenUnheld(pool: Listed, held: object, core: Closable): void {
  dropped.register(held, core, pool);
}

/** The pool was closed. */
export function forgetPool(pool: Listed): void {
  openPools(); // forgets it
  dropped.unregister(pool);
}
