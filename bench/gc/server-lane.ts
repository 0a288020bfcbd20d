// A process that serves a fixed number of requests with one kind of memory and reports what the garbage
// collector did meanwhile. Argument: the variant.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serve } from '../../lib/cli/bench/lane.js';
import { checkedList } from '../support/checked-list.js';
import { freeList } from '../support/free-list.js';
import { quantile } from '../support/numbers.js';
import { type Memory, Server } from './requests.js';

export const VARIANTS = [
  'superslab',
  'free list',
  'checked list',
  'Buffer.allocUnsafe',
  'Buffer.alloc',
  'no buffers',
] as const;
export type Variant = (typeof VARIANTS)[number];

export interface GcRequest {
  readonly variant: Variant;
  readonly requests: number;
}

export interface GcReply {
  readonly majorGcs: number;
  readonly minorGcs: number;
  /** All pauses together, incremental steps and callbacks included. Milliseconds. */
  readonly pause: number;
  readonly longestPause: number;
  /** Of one request. Microseconds. */
  readonly p50: number;
  readonly p999: number;
  readonly longest: number;
  readonly milliseconds: number;
  /** Bytes. */
  readonly rssPeak: number;
  readonly externalPeak: number;
  /** Calls of superslab into native code for blocks. */
  readonly refills: number;
  readonly flushes: number;
}

/** Requests before anything counts: heap, pool and compiler have reached their steady state. */
const WARM_UP = 60_000;

/** Requests between two turns of the event loop. */
const TURN = 64;

/** superslab is loaded where it is measured only: loading it costs memory, too. */
async function memoryOf(variant: Variant): Promise<Memory & { counts?: () => NativeCalls }> {
  const leaveToCollector = () => {};
  switch (variant) {
    case 'superslab': {
      const { acquire, default: pool, release } = await import('superslab');
      return { acquire, release, counts: () => pool.stats() };
    }
    case 'free list':
      return freeList();
    case 'checked list':
      return checkedList();
    case 'Buffer.allocUnsafe':
      return { acquire: (size) => Buffer.allocUnsafe(size), release: leaveToCollector };
    case 'Buffer.alloc':
      return { acquire: (size) => Buffer.alloc(size), release: leaveToCollector };
    case 'no buffers': {
      // No buffers at all: every request writes into the same one. What is left is the other garbage.
      const fixed = Buffer.alloc(64 * 1024);
      return { acquire: () => fixed, release: leaveToCollector };
    }
  }
}

interface NativeCalls {
  readonly refills: number;
  readonly flushes: number;
}

const NO_CALLS = (): NativeCalls => ({ refills: 0, flushes: 0 });

interface Collections {
  major: number;
  minor: number;
  pause: number;
  longest: number;
}

function observe(into: Collections): PerformanceObserver {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) into.major++;
      // 2: a young collection by mark and sweep, which V8 has beside its scavenger.
      else if (kind === constants.NODE_PERFORMANCE_GC_MINOR || kind === 2) into.minor++;
      into.pause += entry.duration;
      into.longest = Math.max(into.longest, entry.duration);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return observer;
}

async function run(
  server: Server,
  requests: number,
  times: Float64Array,
  sample: () => void,
): Promise<number> {
  let sum = 0;
  for (let done = 0; done < requests; ) {
    for (let i = 0; i < TURN && done < requests; i++, done++) {
      const start = performance.now();
      sum += server.step();
      times[done] = performance.now() - start;
    }
    sample();
    await nextTurn();
  }
  return sum;
}

serve<GcRequest, GcReply>(async ({ variant, requests }) => {
  const memory = await memoryOf(variant);
  const { counts = NO_CALLS } = memory;
  const server = new Server(memory);
  const times = new Float64Array(requests);
  await run(server, Math.min(requests, WARM_UP), times, () => {});

  const collections: Collections = { major: 0, minor: 0, pause: 0, longest: 0 };
  const observer = observe(collections);
  let rssPeak = 0;
  let externalPeak = 0;
  let turns = 0;
  const sample = () => {
    if (++turns % 64 !== 0) return;
    const { rss, external } = process.memoryUsage();
    rssPeak = Math.max(rssPeak, rss);
    externalPeak = Math.max(externalPeak, external);
  };
  const before = counts();
  const start = performance.now();
  await run(server, requests, times, sample);
  const milliseconds = performance.now() - start;
  const after = counts();
  // Observers hear of collections some turns later.
  await new Promise((resolve) => setTimeout(resolve, 20));
  observer.disconnect();
  return {
    majorGcs: collections.major,
    minorGcs: collections.minor,
    pause: collections.pause,
    longestPause: collections.longest,
    p50: quantile(times, 0.5) * 1000,
    p999: quantile(times, 0.999) * 1000,
    longest: quantile(times, 1) * 1000,
    milliseconds,
    rssPeak,
    externalPeak,
    refills: after.refills - before.refills,
    flushes: after.flushes - before.flushes,
  };
});
