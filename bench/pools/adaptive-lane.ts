// A process that runs one variant of `bench -- pools adaptive`. Arguments: the variant.
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../lib/cli/bench/lane.js';
import { PAGE } from '../buffers/cases.js';
import { median } from '../support/numbers.js';
import { type AdaptiveRequest, type BurstReply, SHIFT_SIZES, type ShiftReply } from './adaptive-cases.js';
import { type AdaptiveVariant, lenderOf } from './adaptive-variants.js';

const LIVE_BYTES = [8 * 2 ** 20, 32 * 2 ** 20, 64 * 2 ** 20];
const BURST_BYTES = 64 * 1024;
const BURST_BUFFERS = 380;
const BIN_MS = 25;

const lender = lenderOf(process.argv[2] as AdaptiveVariant);

function touch(buf: Uint8Array): void {
  for (let at = 0; at < buf.length; at += PAGE) buf[at] = 1;
}

const turnOfLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Buffers of one size of which the oldest is always the next to go. */
class Load {
  readonly #size: number;
  readonly #live: (Uint8Array | undefined)[];
  #at = 0;

  constructor(size: number, liveBytes: number) {
    this.#size = size;
    this.#live = new Array<Uint8Array | undefined>(Math.floor(liveBytes / size)).fill(undefined);
  }

  /** Nanoseconds per lease, over some milliseconds. */
  bin(): number {
    const start = performance.now();
    let leases = 0;
    let took = 0;
    while (took < BIN_MS) {
      for (let i = 0; i < 64; i++) this.#next();
      leases += 64;
      took = performance.now() - start;
    }
    return (took * 1e6) / leases;
  }

  #next(): void {
    const old = this.#live[this.#at];
    if (old !== undefined) lender.release(old);
    const buf = lender.acquire(this.#size);
    buf[0] = 1;
    this.#live[this.#at] = buf;
    this.#at = this.#at + 1 === this.#live.length ? 0 : this.#at + 1;
  }

  end(): void {
    for (const buf of this.#live) if (buf !== undefined) lender.release(buf);
    this.#live.fill(undefined);
  }
}

/** When the bins reach 95 % of the speed of the last fifth of them, and keep it on the whole from there on. */
function settledAfter(bins: readonly number[], steady: number): number {
  const first = bins.findIndex((_, i) => median(bins.slice(i, i + 8)) <= steady / 0.95);
  return first * BIN_MS;
}

const outsideHeap = () => {
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
};

async function shift(ms: number): Promise<ShiftReply> {
  const base = outsideHeap();
  const steadyNs: number[] = [];
  const settledMs: number[] = [];
  for (const [i, size] of SHIFT_SIZES.entries()) {
    const load = new Load(size, LIVE_BYTES[i]!);
    const bins: number[] = [];
    for (const end = performance.now() + ms; performance.now() < end; ) {
      bins.push(load.bin());
      await turnOfLoop();
    }
    const steady = median(bins.slice(-Math.ceil(bins.length / 5)));
    steadyNs.push(steady);
    settledMs.push(settledAfter(bins, steady));
    load.end();
  }
  const residentApart = await residentAfterLoad(base, false);
  const residentAmong = await residentAfterLoad(base, true);
  return { steadyNs, settledMs, residentApart, residentAmong };
}

/** Two seconds after half of the buffers went: those that came last, or every other one. */
async function residentAfterLoad(base: number, isAmong: boolean): Promise<number> {
  const count = (2 * LIVE_BYTES[2]!) / BURST_BYTES;
  const live: Uint8Array[] = [];
  const load: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const buf = lender.acquire(BURST_BYTES);
    touch(buf);
    const stays = isAmong ? i % 2 === 0 : i < count / 2;
    (stays ? live : load).push(buf);
    if (i % 64 === 0) await turnOfLoop();
  }
  for (const buf of load.splice(0)) lender.release(buf);
  await sleep(2000);
  const ratio = (outsideHeap() - base) / (live.length * BURST_BYTES);
  for (const buf of live.splice(0)) lender.release(buf);
  return ratio;
}

function burst(): BurstReply {
  const before = process.resourceUsage().minorPageFault;
  const start = performance.now();
  const bufs: Uint8Array[] = [];
  for (let i = 0; i < BURST_BUFFERS; i++) {
    const buf = lender.acquire(BURST_BYTES);
    touch(buf);
    bufs.push(buf);
  }
  const microseconds = (performance.now() - start) * 1000;
  const faults = process.resourceUsage().minorPageFault - before;
  for (const buf of bufs) lender.release(buf);
  return { microseconds, faults };
}

async function bursts(count: number, ms: number): Promise<BurstReply> {
  const all: BurstReply[] = [];
  for (let i = 0; i < count; i++) {
    all.push(burst());
    await sleep(ms);
  }
  const measured = all.slice(count / 2);
  return {
    microseconds: median(measured.map((one) => one.microseconds)),
    faults: median(measured.map((one) => one.faults)),
  };
}

serve<AdaptiveRequest, ShiftReply | BurstReply>((request) =>
  request.work === 'shift' ? shift(request.ms) : bursts(request.bursts, request.ms),
);
