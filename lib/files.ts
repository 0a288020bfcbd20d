/**
 * superslab/files: memory in files, which outlives the process. docs/FILES.md tells how to use it.
 *
 * @packageDocumentation
 */
export type { CacheCounters, CacheFigures } from './addon/cache-binding.js';
export type { FileStats } from './addon/figures.js';
export type { FileCheck } from './addon/file-binding.js';
export type { FileMessage } from './measure/file-channel.js';
export type { WaitOptions } from './pools/in-turn.js';
export type { Changes } from './pools/mapped/changes.js';
export type { FileKey } from './pools/mapped/encryption/key-source.js';
export type { MappedBuffer } from './pools/mapped/mapped-buffer.js';
export { MappedPool } from './pools/mapped/mapped-pool.js';
export type { NamedLock } from './pools/mapped/named-lock.js';
export type {
  Access,
  AccessPattern,
  BackupOptions,
  ChangesOptions,
  CommitOptions,
  LockOptions,
  MappedPoolOptions,
  RestoreOptions,
  RotationOptions,
  RotationProgress,
  SlideOptions,
  Sync,
} from './pools/mapped/options.js';
export type { MappedPoolStats } from './pools/mapped/stats.js';
export type { PageCacheFigures } from './pools/page-cache/figures.js';
export type { PageCacheOptions } from './pools/page-cache/options.js';
export type { Page } from './pools/page-cache/page.js';
export { PageCache } from './pools/page-cache/page-cache.js';
export type { PageScan, ScanOptions } from './pools/page-cache/scan.js';
export type { Compute } from './pools/shared-cache/calls.js';
export type { CompressionName } from './pools/shared-cache/compression.js';
export type { SharedCacheFigures, SharedCacheStats } from './pools/shared-cache/figures.js';
export type { ComputeOptions, SetOptions, SharedCacheOptions } from './pools/shared-cache/options.js';
export type { CachePage } from './pools/shared-cache/page.js';
export { SharedCache } from './pools/shared-cache/shared-cache.js';
