/**
 * superslab/next-cache-handler: a cacheHandler for Next.js that all processes have in common. docs/SHARED-CACHE.md tells how to use it.
 *
 * @packageDocumentation
 */
import { createCacheHandler, NextCacheHandler } from './pools/next/cache-handler.js';

export type {
  CacheHandlerContext,
  CacheHandlerOptions,
  CacheHandlerValue,
} from './pools/next/cache-handler.js';
export { createCacheHandler, NextCacheHandler };

export default NextCacheHandler;
