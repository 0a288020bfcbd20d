// A worker that is terminated runs nothing more, so nobody can tell where its buffers came from; but they come
// back, counted.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-worker-terminated.mjs
//
//   > 0 bytes in use, 3 blocks leaked

import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  await once(worker, 'message');
  await worker.terminate();
  const { inUseBytes, leakedBlocks } = BufferPool.default.stats();
  console.log(inUseBytes, 'bytes in use,', leakedBlocks, 'blocks leaked');
} else {
  const bufs = BufferPool.default.acquireMany(1500, 3);
  if (ok) BufferPool.default.releaseMany(bufs);
  parentPort.on('message', () => bufs); // and waits
  parentPort.postMessage('ready');
}
