// A process with many superslabs and an inspector; see bench/inspector.ts.
import { fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { BufferPool, stats } from 'superslab';
import { startInspector } from 'superslab/inspector';
import { mainThreadMs } from '../support/thread-time.js';
import type { ListenerReply } from './listener.js';

export interface InspectedReply {
  /** Of the main thread for each second, with somebody who listens and without. */
  readonly onMs: readonly number[];
  readonly offMs: readonly number[];
  readonly firstMs: number;
  /** For acquire and release, a turn each. */
  readonly onNs: readonly number[];
  readonly offNs: readonly number[];
  readonly slabs: number;
  readonly rssBytes: number;
  readonly fullBytes: number;
  readonly changeBytes: number;
}

const superslabs = Number(process.argv[2]);
const seconds = Number(process.argv[3]);
const SUPERSLAB_BYTES = 2 << 20;
const LARGE_BYTES = 64 << 20;

// Most of it blocks that are never touched: 20 GiB of addresses without memory. A tenth is cut into slabs.
const large = new BufferPool({ name: 'untouched', hugePages: 'off', populate: 'off' });
const small = new BufferPool({ name: 'slabs', hugePages: 'off', populate: 'off' });
const held: Uint8Array[] = [];
const cut = Math.floor(superslabs / 10);
while (stats().space.superslabs < superslabs - cut) held.push(large.acquire(LARGE_BYTES));
const slabBlocks = cut * (SUPERSLAB_BYTES >> 16);
for (let i = 0; i < slabBlocks; i++) held.push(small.acquire(65_536));

const inspector = await startInspector();

const listener = fork(new URL('./listener.js', import.meta.url), [], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
listener.unref();
const told = () =>
  new Promise<ListenerReply>((resolve) => listener.once('message', (m) => resolve(m as ListenerReply)));
const ask = (message: string) => {
  const answer = told();
  listener.send(message);
  return answer;
};

/** Time that the main thread ran in each of `count` seconds. */
async function measureSeconds(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = mainThreadMs();
    await pause(1000);
    times.push(mainThreadMs() - before);
  }
  return times;
}

const pool = BufferPool.default;
const TURN_MS = 1010;
const BATCH = 20_000;

/**
 * Nanoseconds of the main thread per acquire and release in about a second, which has a turn of the inspector
 * in it: the loop lets the event loop come by.
 */
async function measureTurn(): Promise<number> {
  let operations = 0;
  const start = performance.now();
  const before = mainThreadMs();
  while (performance.now() - start < TURN_MS) {
    for (let i = 0; i < BATCH; i++) pool.acquire(1500).release();
    operations += BATCH;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ((mainThreadMs() - before) * 1e6) / operations;
}

await pause(200);
const offMs = await measureSeconds(Math.max(2, seconds >> 2));
const before = mainThreadMs();
await ask(inspector.url);
await ask('first frame');
const firstMs = mainThreadMs() - before;
const onMs = await measureSeconds(seconds);

await measureTurn();
const onNs: number[] = [];
const offNs: number[] = [];
const listen = async () => {
  await ask(inspector.url);
  await ask('first frame');
};
// On and off, then off and on: what drifts falls on both alike.
for (let i = 0; i < seconds; i++) {
  if (i % 2 === 0) {
    onNs.push(await measureTurn());
    await ask('pause');
    offNs.push(await measureTurn());
  } else {
    offNs.push(await measureTurn());
    await listen();
    onNs.push(await measureTurn());
  }
}
if (seconds % 2 === 1) await listen();
const { fullBytes, changeBytes } = await ask('bytes');
const reply: InspectedReply = {
  onMs,
  offMs,
  firstMs,
  onNs,
  offNs,
  slabs: cut,
  rssBytes: process.memoryUsage.rss(),
  fullBytes,
  changeBytes,
};
// Whoever asked ends this process, or is gone.
process.on('disconnect', () => process.exit());
process.send!(reply);
