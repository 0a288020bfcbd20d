// A process that runs one variant of one case of `bench -- pools compressed`. Arguments: the variant, the case.
import { setImmediate as turn } from 'node:timers/promises';
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { median, quantile } from '../support/numbers.js';
import { type CompressedVariant, logPages, type Pages, pagesOf } from './compressed-variants.js';

/**
 * capacity 4, capacity 16: bytes of RSS for each byte of so many KiB pages, of which a thirty-second stays as it is. access: a page that is
 * hot. read: the same, and its bytes. cold: the median of pages that are compressed, in microseconds. work: nanoseconds of a piece of work of the
 * main thread while pages are compressed.
 */
export type CompressedCase = 'capacity 4' | 'capacity 16' | 'access' | 'read' | 'cold' | 'work';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const [variant, work] = process.argv.slice(2) as [CompressedVariant, CompressedCase];

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

const first = (bytes: Buffer): number => bytes[0]!;
/** Reads every cache line of a page. */
function all(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 4) sum += bytes[i]!;
  return sum;
}

async function filled(bytes: number, count: number, hotBytes: number): Promise<Pages> {
  const page = logPages(bytes);
  const pages = pagesOf(variant, hotBytes);
  for (let i = 0; i < count; i++) {
    pages.add(page(i));
    // Whoever compresses by promises needs turns of the event loop.
    if (i % 64 === 0) await turn();
  }
  await pages.settle();
  return pages;
}

const gc = (): void => (globalThis as { gc?: () => void }).gc!();

/** Bytes of RSS for each byte of `total` bytes of pages. */
async function capacity(bytes: number, total: number): Promise<number> {
  // What the code needs is there before.
  await filled(bytes, 64, MIB);
  gc();
  const before = process.memoryUsage.rss();
  const pages = await filled(bytes, total / bytes, total / 32);
  gc();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const grown = process.memoryUsage.rss() - before;
  sink += pages.read(0, first);
  return grown / total;
}

async function hot(use: (bytes: Buffer) => number): Promise<Loop> {
  const count = 1024;
  const pages = await filled(4 * KIB, count, 16 * MIB);
  let at = 0;
  return {
    run: (n) => {
      for (let i = 0; i < n; i++) {
        sink += pages.read(at, use);
        at = (at + 1) & (count - 1);
      }
    },
    settles: 100_000,
  };
}

/** Median of pages that were not used for longest. */
async function cold(ms: number): Promise<number> {
  const count = 16 * 1024;
  const pages = await filled(4 * KIB, count, 4 * MIB);
  const times: number[] = [];
  const end = performance.now() + ms;
  for (let i = 0; i < count / 2 && (i < 500 || performance.now() < end); i++) {
    const start = process.hrtime.bigint();
    sink += pages.read(i, first);
    times.push(Number(process.hrtime.bigint() - start) / 1000);
    if (i % 256 === 255) await pages.settle();
  }
  return quantile(times.slice(times.length / 4), 0.5);
}

/** A piece of work of some tenths of a millisecond. */
function piece(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < 300_000; i++) sum = (Math.imul(sum, 31) + bytes[i & 4095]!) | 0;
  return sum;
}

/** Nanoseconds of a piece of work, the median, while the pool has pages to compress all the time. */
async function working(ms: number): Promise<number> {
  const page = logPages(4 * KIB);
  const bytes = Buffer.from(page(0));
  const pages = pagesOf(variant, 8 * MIB);
  let added = 0;
  const times: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    // What compresses must not run out of work; that putting takes time is not what is measured.
    for (let i = 0; i < 8 && added < 200_000; i++) pages.add(page(added++));
    for (let i = 0; i < 8; i++) {
      const start = process.hrtime.bigint();
      sink += piece(bytes);
      times.push(Number(process.hrtime.bigint() - start));
    }
    await turn();
  }
  return median(times);
}

if (work === 'access' || work === 'read') {
  const timer = hot(work === 'access' ? first : all).then((loop) => new Timer(loop));
  serve<Turn, number>(async (turn) => (await timer).take(turn));
} else {
  serve<Turn, number>(({ ms }) => {
    if (work === 'cold') return cold(ms);
    if (work === 'work') return working(ms);
    return capacity(work === 'capacity 4' ? 4 * KIB : 16 * KIB, ms * MIB);
  });
}
