// A worker adopts a buffer and forgets it: the leak is the worker's, and the memory goes back to the other's
// pool.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-adopted.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "consumer") was garbage-collected ... without release() (shared, 1 reference left in all threads); it was acquired
//   >     at adoptHere (.../leak-adopted.mjs:...)

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

if (isMainThread) {
  const producer = new BufferPool({ name: 'producer' });
  const buf = producer.acquire(1500);
  const worker = new Worker(new URL(import.meta.url), { workerData: producer.share(buf) });
  buf.release();
  await once(worker, 'exit');
  assert.equal(producer.stats().inUseBytes, 0);
} else {
  const consumer = new BufferPool({ name: 'consumer' });
  const adoptHere = () => {
    const buf = consumer.adopt(workerData);
    if (ok) buf.release();
  };
  adoptHere();
  await garbageCollected(() => consumer.leaks().length > 0);
}
