/**
 * superslab: Buffers whose memory is taken and given back.
 *
 * @packageDocumentation
 */
import { isMainThread } from 'node:worker_threads';
import { facts } from './addon/environment.js';
import { atExit } from './base/at-exit.js';
import { openAsAsked } from './inspector/hook.js';
import { PooledBuffer } from './pool/pooled-buffer.js';
import { BufferPool } from './pools/buffer/buffer-pool.js';
import { openPools } from './pools/open-pools.js';

const pool = BufferPool.default;

/** `BufferPool.default.acquire`: a buffer of exactly `size` bytes with undefined contents. */
export const acquire: (size: number) => PooledBuffer = pool.acquire;

/** `BufferPool.default.alloc`: a buffer of exactly `size` zero bytes. */
export const alloc: (size: number) => PooledBuffer = pool.alloc;

/** Gives one reference of any pooled buffer back; see {@link BufferPool.release}. */
export const release: (buf: Uint8Array) => void = pool.release;

export type {
  Adaptation,
  ClassDemand,
  ClassStats,
  DemandHistory,
  DemandInterval,
  HeapStats,
  Histogram,
  LatencyStats,
  LeakSite,
  LearningEvent,
  LearningStats,
  MemoryFacts,
  NodeMemory,
  SpaceStats,
} from './addon/figures.js';
export type { LiveOptions } from './addon/generated/options.js';
export type { KnobRow } from './addon/rows.js';
export type { ErrorCode, SuperslabError } from './base/errors.js';
export type { GuardMisuseKind, GuardReport, MisuseKind, MisuseSite } from './base/misuse.js';
export type { PressureFigures, PressureLevel, PressureReason, ReliefStep } from './base/pressure.js';
export type { PoolEvents } from './guard/publishing.js';
export type {
  PolicyMessage,
  PoolExhaustedMessage,
  PoolGrowMessage,
  PoolGuardMessage,
  PoolLeakMessage,
  PoolTrimMessage,
  PressureMessage,
} from './measure/channels.js';
export { watchHistograms } from './measure/lease-meter.js';
export type { PoolPressureMessage } from './pool/pressure.js';
export type { BufferPoolOptions } from './pools/buffer/options.js';
export type { Scope } from './pools/buffer/scope.js';
export type { ShareToken } from './pools/buffer/share-token.js';
export type { TaggedPool } from './pools/buffer/tagged-pool.js';
export type { Pool } from './pools/pool.js';
export type { Advice } from './stats/advice/advice.js';
export type { PoolStats, ProcessStats } from './stats/pool-stats.js';
export { core, memoryFacts, policy, stats } from './stats/process-stats.js';
export { BufferPool, PooledBuffer };

export default BufferPool.default;

// The main thread's pools at exit: those of workers end with them, and the default pool is counted
// over all threads.
if (facts.reportAtExit && isMainThread) {
  atExit(() => {
    for (const open of openPools()) process.stderr.write(open.report());
  });
}

openAsAsked();
