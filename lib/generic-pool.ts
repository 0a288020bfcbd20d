/**
 * superslab/generic-pool: the API of generic-pool 3.9, over pools of superslab. docs/pools/OBJECT.md tells how to change over.
 *
 * @packageDocumentation
 */
import { DefaultEvictor } from './pools/generic/evictor.js';
import { Pool } from './pools/generic/generic-pool.js';
import type { Factory, Options } from './pools/generic/options.js';

/** A pool of what `factory` makes. */
export function createPool<T>(factory: Factory<T>, options?: Options): Pool<T> {
  return new Pool<T>(DefaultEvictor, undefined, undefined, factory, options);
}

export { TimeoutError } from './pools/generic/errors.js';
export type { EvictionConfig, Evictor, IdleResource } from './pools/generic/evictor.js';
export { DefaultEvictor, type Factory, type Options, Pool };

export default { createPool, DefaultEvictor, Pool };
