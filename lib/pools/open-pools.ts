// The pools of this thread, of every kind.
import { builtins } from '../base/builtins.js';
import type { Core } from '../pool/cores.js';
import type { Pool } from './pool.js';

const livePools = new Set<WeakRef<Pool>>();

/** Those that are open and that somebody still has. */
export function openPools(): Pool[] {
  const pools: Pool[] = [];
  for (const ref of livePools) {
    const pool = ref.deref();
    if (pool === undefined || pool.closed) livePools.delete(ref);
    else pools.push(pool);
  }
  return pools;
}

/** Pools that were dropped without close(). */
const dropped = new FinalizationRegistry<Pick<Core, 'close'> & { readonly closed: boolean }>((core) => {
  if (!core.closed) core.close();
  openPools(); // forgets it
});

export function rememberPool(pool: Pool): void {
  livePools.add(new builtins.WeakRef(pool));
}

/** Has `core` closed when nobody has `pool` any more. */
export function closeWhenDropped(pool: Pool, core: Pick<Core, 'close'> & { readonly closed: boolean }): void {
  dropped.register(pool, core, pool);
}

/** The pool was closed. */
export function forgetPool(pool: Pool): void {
  openPools(); // forgets it
  dropped.unregister(pool);
}
