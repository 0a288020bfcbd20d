// A worker takes the memory of a watched buffer away, releases the buffer, and ends: another thread may see that memory.
import superslab, { type BufferPoolOptions, stats } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endWorkers, startWorker, type TestWorker } from './support/worker.js';

/** Blocks of this size are of a class that no other test's are. */
const SIZE = 11_000;

let worker: TestWorker;
let before: { leaked: number; transferred: number };
const figures = () => {
  const { pools } = stats();
  const sum = (name: 'leakedBlocks' | 'transferredBlocks') =>
    pools.reduce((total, pool) => total + pool[name], 0);
  return { leaked: sum('leakedBlocks'), transferred: sum('transferredBlocks') };
};
const since = () => {
  const now = figures();
  return { leaked: now.leaked - before.leaked, transferred: now.transferred - before.transferred };
};

beforeEach(async () => {
  before = figures();
  worker = await startWorker();
  // By a BYOB reader, which all versions of Node have.
  await worker.run(`
    state.take = async (memory) => {
      const stream = new ReadableStream({
        type: 'bytes',
        pull(controller) {
          controller.enqueue(new Uint8Array([9]));
          controller.close();
        },
      });
      const { value } = await stream.getReader({ mode: 'byob' }).read(new Uint8Array(memory));
      return value.buffer;
    };
    state.open = (options) => (state.pool = new superslab.BufferPool({ name: 'transferred', ...options }));
  `);
});
afterEach(endWorkers);

const modes: { [name: string]: BufferPoolOptions } = {
  'leak detection': { leakDetection: 'full' },
  poison: { guard: 'poison' },
  detach: { guard: 'detach', leakDetection: 'full' },
};

describe.each(Object.keys(modes))('under %s', (mode) => {
  test('nobody gets the block while this thread sees it', async () => {
    const memory: ArrayBuffer = await new Promise((resolve) => {
      worker.thread.on('message', ({ memory }) => memory && resolve(memory));
      worker.start(
        `const buf = state.open(argument).acquire(${SIZE});
         const memory = await state.take(buf.buffer);
         buf.release();
         parentPort.postMessage({ memory }, [memory]);`,
        modes[mode],
      );
    });
    await worker.terminate();
    expect(since()).toEqual({ leaked: 0, transferred: 1 });
    const seen = new Uint8Array(memory);
    seen.fill(0x77);
    const held = Array.from({ length: 2000 }, () => superslab.alloc(SIZE));
    expect(seen.every((byte) => byte === 0x77)).toBe(true);
    for (const buf of held) buf.fill(0x55);
    expect(seen.every((byte) => byte === 0x77)).toBe(true);
    superslab.releaseMany(held);
  });

  test('a shared one is transferred, too, and what is leased still is leaked', async () => {
    await worker.run(
      `const pool = state.open(argument);
       const buf = pool.acquire(${SIZE});
       pool.revoke(pool.share(buf));
       const other = pool.acquire(${SIZE});
       state.kept = [await state.take(buf.buffer), await state.take(other.buffer), pool.acquire(${SIZE}), pool.acquire(${SIZE})];
       buf.release();
       other.release();`,
      modes[mode],
    );
    await worker.terminate();
    expect(since()).toEqual({ leaked: 2, transferred: 2 });
  });

  test('what was seen no more before the end is not', async () => {
    await worker.run(
      `const pool = state.open(argument);
       const buf = pool.acquire(${SIZE});
       state.kept = await state.take(buf.buffer);
       buf.release();
       const { setFlagsFromString } = await import('node:v8');
       const { runInNewContext } = await import('node:vm');
       setFlagsFromString('--expose-gc');
       state.kept = undefined;
       for (let i = 0; i < 5; i++) {
         runInNewContext('gc')();
         await new Promise((resolve) => setTimeout(resolve, 20));
       }`,
      modes[mode],
    );
    await worker.terminate();
    expect(since()).toEqual({ leaked: 0, transferred: 0 });
  });
});
