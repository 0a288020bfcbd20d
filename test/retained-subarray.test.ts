// Ranges of a buffer that are leases of their own: they keep its memory, and nobody else's release ends them.
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from './support/collect.js';
import { thrownBy } from './support/expect-error.js';
import { endWorkers, startWorker } from './support/worker.js';

const pools: BufferPool[] = [];
const open = (options: object = {}): BufferPool => {
  const pool = new BufferPool({ name: 'ranges', ...options });
  pools.push(pool);
  return pool;
};
afterEach(async () => {
  await endWorkers();
  for (const pool of pools.splice(0)) {
    expect(pool.check()).toEqual([]);
    expect(pool.stats().inUseBytes).toBe(0);
    pool.close();
  }
});

test('shows a range, and is a pooled buffer', () => {
  const pool = open();
  const buf = pool.from('abcdefgh');
  const range = buf.retainedSubarray(2, 5);
  expect([String(range), range.length, Buffer.isBuffer(range), range.refs, pool.owns(range)]).toEqual([
    'cde',
    3,
    true,
    1,
    true,
  ]);
  range[0] = 120;
  expect(String(buf)).toBe('abxdefgh');
  const [end, all] = [buf.retainedSubarray(6), buf.retainedSubarray()];
  expect([String(end), String(all)]).toEqual(['gh', 'abxdefgh']);
  expect(buf.capacity).toBe(range.capacity);
  pool.releaseMany([buf, range, end, all]);
});

test.for(['the buffer first', 'the range first'])('keeps the memory until both are released: %s', (order) => {
  const pool = open();
  const buf = pool.from('abcdefgh');
  const range = buf.retainedSubarray(2, 5);
  const [first, second] = order === 'the buffer first' ? [buf, range] : [range, buf];
  first.release();
  expect([first.released, first.refs, second.released, second.refs]).toEqual([true, 0, false, 1]);
  thrownBy(() => first.release(), 'ERR_SUPERSLAB_RELEASED');
  thrownBy(() => first.retain(), 'ERR_SUPERSLAB_RELEASED');
  thrownBy(() => first.retainedSubarray(), 'ERR_SUPERSLAB_RELEASED');
  expect(first.capacity).toBe(0);
  expect(pool.stats().inUseBytes).toBeGreaterThan(0);
  const other = pool.from('other!!!');
  expect(String(range.released ? buf.subarray(2, 5) : range)).toBe('cde');
  second.release();
  other.release();
  for (const one of [first, second]) thrownBy(() => one.release(), 'ERR_SUPERSLAB_RELEASED');
});

test('a range of a range, and references of each', () => {
  const pool = open();
  const buf = pool.from('abcdefgh').retain();
  const range = buf.retainedSubarray(2, 7);
  const inner = range.retainedSubarray(1, 3).retain();
  expect([String(inner), buf.refs, range.refs, inner.refs]).toEqual(['de', 2, 1, 2]);
  for (const one of [range, buf, inner, buf]) one.release();
  expect([buf.released, range.released, inner.released]).toEqual([true, true, false]);
  pool.release(inner);
  expect(inner.released).toBe(true);
});

test('`using` releases it, and once it is released does nothing', () => {
  const pool = open();
  using buf = pool.from('abcdefgh');
  const range = buf.retainedSubarray(1, 2);
  {
    using own = range;
    expect(own.released).toBe(false);
  }
  range[Symbol.dispose]();
  expect(range.released).toBe(true);
});

test.for([
  [0, 9],
  [3, 2],
  [-1, 2],
  [0.5, 2],
  ['1', 2],
  [0, Number.NaN],
] as const)('the range %j is refused', ([start, end]) => {
  const pool = open();
  using buf = pool.from('abcdefgh');
  const { message } = thrownBy(() => buf.retainedSubarray(start as number, end), 'ERR_SUPERSLAB_ARGUMENT');
  expect(message).toMatch(/retainedSubarray\(\) must be a whole number from 0 to \d/);
  expect(buf.refs).toBe(1);
});

test('of what is no pooled buffer there is none', () => {
  const { retainedSubarray } = Object.getPrototypeOf(BufferPool.default.alloc(0)) as PooledBuffer;
  for (const stranger of [Buffer.alloc(8), {}, undefined])
    thrownBy(() => retainedSubarray.call(stranger as never), 'ERR_SUPERSLAB_FOREIGN');
});

describe('of every kind of memory', () => {
  test.for([
    ['empty', 0, {}],
    ['beyond 2 MiB', 3 << 20, {}],
    ['beyond maxBytes', 5000, { maxBytes: 64, onExhausted: 'fallback' }],
    ['cleared', 5000, { zero: 'release' }],
    ['watched', 5000, { leakDetection: 'full', guard: 'canary' }],
  ] as const)('%s', ([, size, options]) => {
    const pool = open(options);
    const buf = pool.acquire(size).fill('x');
    const range = buf.retainedSubarray(Math.floor(size / 2));
    buf.release();
    expect(range.every((byte) => byte === 120)).toBe(true);
    range.release();
    thrownBy(() => range.release(), 'ERR_SUPERSLAB_RELEASED');
  });
});

describe('shared with other threads', () => {
  test('the whole buffer is, and its ranges stay', async () => {
    const pool = open();
    const buf = pool.from('abcdefgh');
    const range = buf.retainedSubarray(2, 5);
    const token = pool.share(buf);
    buf.release();
    const adopted = pool.adopt(token);
    expect(String(adopted)).toBe('abcdefgh');
    range.release();
    expect(pool.stats().inUseBytes).toBeGreaterThan(0);
    const of = adopted.retainedSubarray(0, 1);
    adopted.release();
    expect(String(of)).toBe('a');
    of.release();
  });

  test('a range within is not, for a token knows a length alone', () => {
    const pool = open();
    const buf = pool.from('abcdefgh');
    const [head, tail] = [buf.retainedSubarray(0, 3), buf.retainedSubarray(3)];
    expect(thrownBy(() => pool.share(tail), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('copy the range');
    const adopted = pool.adopt(pool.share(head));
    expect(String(adopted)).toBe('abc');
    for (const one of [buf, head, tail, adopted]) one.release();
  });

  test('those of a worker that is terminated come back', async () => {
    const worker = await startWorker();
    await worker.run(
      `state.buf = superslab.acquire(5000); state.range = state.buf.retainedSubarray(1, 2); state.buf.release();`,
    );
    const before = BufferPool.default.stats().inUseBytes;
    await worker.terminate();
    await expect.poll(() => BufferPool.default.stats().inUseBytes).toBeLessThan(before);
  });
});

describe('watched', () => {
  test('a range that is forgotten is a leak, told with the stack of the buffer', async () => {
    const pool = open({ leakDetection: 'full' });
    const found: { stack: string }[] = [];
    pool.on('leak', (leak) => found.push(leak));
    (function forgetful() {
      const buf = pool.acquire(5000);
      buf.retainedSubarray(1, 2);
      buf.release();
    })();
    await collect(() => found.length > 0);
    expect(found).toMatchObject([{ stack: expect.stringContaining('forgetful'), retains: 1, references: 1 }]);
  });

  test('a buffer that is detached at its release is so with the last range', () => {
    const pool = open({ guard: 'detach' });
    const buf = pool.from('abc');
    const range = buf.retainedSubarray(0, 1);
    buf.release();
    expect(String(range)).toBe('a');
    range.release();
    expect([buf.length, range.length]).toEqual([0, 0]);
  });

  test('bytes written behind it are found by the last release', () => {
    const pool = open({ guard: 'canary' });
    const buf = pool.acquire(100);
    const range = buf.retainedSubarray(90);
    new Uint8Array(buf.buffer)[buf.byteOffset + 101]! ^= 255;
    buf.release();
    thrownBy(() => range.release(), 'ERR_SUPERSLAB_OVERFLOW');
    expect(range.released).toBe(true);
    thrownBy(() => range.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('a range that is made in the midst of the last release keeps the memory', () => {
    const pool = open({ guard: 'detach' });
    let act = () => {};
    // The guard looks for the memory in what waits for the next tick, if that was asked for before the acquire.
    const looked = { getOwnPropertyDescriptor: () => void act() };
    process.nextTick(() => {}, new Proxy({}, looked));
    for (const start = performance.now(); performance.now() < start + 5; );
    const buf = pool.from('abcdefgh');
    const ranges: PooledBuffer[] = [];
    act = () => {
      act = () => {};
      ranges.push(buf.retainedSubarray(1, 3));
    };
    buf.release();
    expect([buf.released, ranges.map(String)]).toEqual([true, ['bc']]);
    ranges[0]!.release();
  });
});
