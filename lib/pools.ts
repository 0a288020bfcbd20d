/**
 * superslab/pools: every kind of pool. docs/POOLS.md tells which is for what.
 *
 * @packageDocumentation
 */
export { BufferPool } from './pools/buffer/buffer-pool.js';
export type { BufferPoolOptions } from './pools/buffer/options.js';
export { FixedPool } from './pools/fixed/fixed-pool.js';
export type { FixedPoolOptions } from './pools/fixed/options.js';
export type { FixedBuffer } from './pools/fixed/reused-buffer.js';
export type { CollectProgress } from './pools/generational/collector.js';
export type { GenerationFigures, GenerationsFigures } from './pools/generational/figures.js';
export { type CollectOptions, GenerationalPool } from './pools/generational/generational-pool.js';
export type { GenerationalPoolOptions, Promotion } from './pools/generational/options.js';
export type { ValueScope } from './pools/generational/value-scope.js';
export type { Pool } from './pools/pool.js';
