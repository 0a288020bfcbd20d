/**
 * superslab/keyv: a store for Keyv, and for cacheable, that all processes have in common. docs/SHARED-CACHE.md tells how to use it.
 *
 * @packageDocumentation
 */
import { KeyvStore } from './pools/keyv/keyv-store.js';

export type { KeyvStoreEntry } from './pools/keyv/keyv-store.js';
export type { SharedCacheOptions } from './pools/shared-cache/options.js';
export { KeyvStore };

export default KeyvStore;
