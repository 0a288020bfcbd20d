// A worker ends with buffers in its hands: they come back, and superslab tells where it had acquired them.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-worker-exit.mjs
//
//   > 3 threadEnded
//   >     at acquireHere (.../leak-worker-exit.mjs:...)

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

if (isMainThread) {
  await once(new Worker(new URL(import.meta.url)), 'exit');
  const { inUseBytes, leakedBlocks } = BufferPool.default.stats();
  assert.deepEqual({ inUseBytes, leakedBlocks }, { inUseBytes: 0, leakedBlocks: ok ? 0 : 3 });
  for (const { count, reason, stack } of BufferPool.default.leaks())
    console.log(`${count} ${reason}\n${stack}`);
} else {
  const acquireHere = () => BufferPool.default.acquire(1500);
  globalThis.cache = Array.from({ length: 3 }, acquireHere);
  if (ok) for (const buf of globalThis.cache) buf.release();
}
