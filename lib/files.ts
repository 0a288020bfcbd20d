/**
 * superslab/files: memory in files, which outlives the process. docs/FILES.md tells how to use it.
 *
 * @packageDocumentation
 */

export type { FileStats } from './addon/figures.js';
export type { FileCheck } from './addon/file-binding.js';
export type { FileMessage } from './measure/file-channel.js';
export type { WaitOptions } from './pools/in-turn.js';
export type { MappedBuffer } from './pools/mapped/mapped-buffer.js';
export { MappedPool } from './pools/mapped/mapped-pool.js';
export type {
  Access,
  AccessPattern,
  BackupOptions,
  CommitOptions,
  MappedPoolOptions,
  Sync,
} from './pools/mapped/options.js';
export type { MappedPoolStats } from './pools/mapped/stats.js';
