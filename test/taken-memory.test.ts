// The program takes the memory of a watched buffer away, by an ArrayBuffer of its own that shows it: nobody else gets
// the block before that is gone.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  BufferPool,
  type BufferPoolOptions,
  type GuardReport,
  type PooledBuffer,
  type PoolLeakMessage,
} from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from './support/collect.js';
import { thrownBy } from './support/expect-error.js';

let reports: GuardReport[];
let leaks: PoolLeakMessage[];
const onReport = (report: unknown) => reports.push(report as GuardReport);
const onLeak = (leak: unknown) => leaks.push(leak as PoolLeakMessage);
beforeEach(() => {
  reports = [];
  leaks = [];
  subscribe('superslab:pool:guard', onReport);
  subscribe('superslab:pool:leak', onLeak);
});
afterEach(async () => {
  unsubscribe('superslab:pool:guard', onReport);
  unsubscribe('superslab:pool:leak', onLeak);
  const ended = pool;
  ended.close();
  await collect(() => ended.stats().committedBytes === 0);
  expect(ended.stats()).toMatchObject({ inUseBytes: 0, chargedBytes: 0, committedBytes: 0, leakedBlocks: 0 });
});

/** Has room for one block of SIZE bytes. */
let pool: BufferPool;
const SIZE = 2_000_000;
const kinds = () => reports.map(({ kind }) => kind);

function open(options: BufferPoolOptions): void {
  pool = new BufferPool({ name: 'taken', maxBytes: 2 << 20, leakDetection: 'full', ...options });
}

const { transfer } = ArrayBuffer.prototype as { transfer?: (this: ArrayBuffer) => ArrayBuffer };

/** Ways to an ArrayBuffer that shows the same memory. */
const ways: { [name: string]: (memory: ArrayBuffer) => ArrayBuffer | Promise<ArrayBuffer> } = {
  async 'a BYOB read'(memory) {
    const stream = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        controller.enqueue(new Uint8Array([9]));
        controller.close();
      },
    });
    const { value } = await stream.getReader({ mode: 'byob' }).read(new Uint8Array(memory));
    return (value as Uint8Array).buffer as ArrayBuffer;
  },
};
if (transfer !== undefined) ways['a borrowed transfer()'] = (memory) => transfer.call(memory);

const modes: { [name: string]: BufferPoolOptions } = {
  'leak detection': { guard: 'off' },
  poison: { guard: 'poison' },
  'poison, without leak detection': { guard: 'poison', leakDetection: 'off' },
  'poison, nothing held back': { guard: 'poison', quarantineBytes: 0 },
  canary: { guard: 'canary' },
  detach: { guard: 'detach' },
  'detach, without leak detection': { guard: 'detach', leakDetection: 'off' },
};

const withoutRoom = () => thrownBy(() => pool.acquire(SIZE), 'ERR_SUPERSLAB_EXHAUSTED');

/** Waits for the collector. */
async function roomAgain(): Promise<void> {
  await collect(() => {
    try {
      pool.acquire(SIZE).fill(1).release();
      return true;
    } catch {
      return false;
    }
  });
  pool.acquire(SIZE).release();
}

describe.each(Object.keys(ways))('by %s', (way) => {
  const take = ways[way]!;

  describe.each(Object.keys(modes))('under %s', (mode) => {
    test('and releases the buffer: that is reported, and the block waits', async () => {
      open(modes[mode]!);
      let taken: ArrayBuffer | undefined = await (async () => {
        const buf = pool.acquire(SIZE).fill(5);
        const memory = await take(buf.buffer as ArrayBuffer);
        expect(buf.length).toBe(0);
        buf.release();
        return memory;
      })();
      expect(reports).toMatchObject([
        {
          kind: 'detached',
          pool: 'taken',
          size: SIZE,
          offset: -1,
          bytes: '',
          acquired: expect.stringContaining('taken-memory.test'),
          released: expect.stringContaining('taken-memory.test'),
        },
      ]);
      expect(pool.stats().inUseBytes).toBe(0);
      withoutRoom();
      await collect();
      withoutRoom();
      expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
      taken = undefined;
      await roomAgain();
      expect(reports).toHaveLength(1);
      expect(leaks).toEqual([]);
    });
  });

  test.each(['poison', 'canary', 'detach'] as const)(
    'under %s with no more than the release: the block is there again soon',
    async (guard) => {
      open({ guard });
      await (async () => {
        const buf = pool.acquire(SIZE);
        await take(buf.buffer as ArrayBuffer);
        buf.release();
      })();
      await roomAgain();
      expect(kinds()).toEqual(['detached']);
    },
  );

  test('and loses the buffer: no leak as long as the memory can be seen', async () => {
    open({ guard: 'off' });
    let taken: ArrayBuffer | undefined = await (() => take(pool.acquire(SIZE).buffer as ArrayBuffer))();
    await collect();
    expect(leaks).toEqual([]);
    withoutRoom();
    expect(pool.stats()).toMatchObject({ collectedBlocks: 0, inUseBytes: 2 << 20 });
    expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
    taken = undefined;
    await collect(() => leaks.length === 1);
    expect(leaks).toMatchObject([{ pool: 'taken', size: SIZE }]);
    expect(pool.stats()).toMatchObject({ collectedBlocks: 1, inUseBytes: 0 });
    pool.acquire(SIZE).release();
  });

  test('of a sample, and releases it: as with all', async () => {
    // Beyond 2 MiB the first is a sample.
    open({ guard: 'off', leakDetection: 'sampled', maxBytes: 4 << 20 });
    let taken: ArrayBuffer | undefined = await (async () => {
      const buf = pool.acquire(3 << 20);
      const memory = await take(buf.buffer as ArrayBuffer);
      buf.release();
      return memory;
    })();
    expect(kinds()).toEqual(['detached']);
    thrownBy(() => pool.acquire(3 << 20), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(taken.byteLength).toBeGreaterThanOrEqual(3 << 20);
    taken = undefined;
    let buf: { release(): void } | undefined;
    await collect(() => {
      try {
        buf = pool.acquire(3 << 20);
      } catch {}
      return buf !== undefined;
    });
    buf!.release();
  });

  test('of a shared buffer: its reference lasts as long', async () => {
    open({ guard: 'canary' });
    let taken: ArrayBuffer | undefined = await (async () => {
      const buf = pool.acquire(SIZE);
      const token = pool.share(buf);
      const memory = await take(buf.buffer as ArrayBuffer);
      buf.release();
      pool.revoke(token);
      return memory;
    })();
    await collect();
    withoutRoom();
    expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
    taken = undefined;
    await roomAgain();
    expect(kinds()).toEqual(['detached']);
  });

  test('of a shared buffer that somebody has adopted: who adopted it keeps it to the end', async () => {
    open({ guard: 'canary' });
    let adopted: PooledBuffer | undefined;
    let taken: ArrayBuffer | undefined = await (async () => {
      const buf = pool.acquire(SIZE).fill(7);
      adopted = pool.adopt(pool.share(buf));
      const memory = await take(buf.buffer as ArrayBuffer);
      buf.release();
      return memory;
    })();
    expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
    adopted!.fill(8);
    taken = undefined;
    await collect();
    withoutRoom();
    expect(adopted!.every((byte) => byte === 8)).toBe(true);
    adopted!.release();
    pool.acquire(SIZE).release();
    expect(kinds()).toEqual(['detached']);
  });

  /** The memory of a buffer that was released and is in quarantine or idle. Nothing here keeps the buffer. */
  const takenAfterRelease = async (where: string): Promise<ArrayBuffer> => {
    open({ guard: 'poison', quarantineBytes: where === 'idle' ? 0 : 64 << 20 });
    const buf = pool.acquire(SIZE);
    const memory = buf.buffer as ArrayBuffer;
    buf.release();
    return take(memory);
  };

  test.each(['quarantined', 'idle'])(
    'of a released buffer that is %s: found at its next use',
    async (where) => {
      let taken: ArrayBuffer | undefined = await takenAfterRelease(where);
      withoutRoom();
      expect(kinds().filter((kind) => kind === 'detached-after-release')).toHaveLength(1);
      expect(reports[0]!.released).toContain('taken-memory.test');
      expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
      taken = undefined;
      await roomAgain();
    },
  );

  test('and closes the pool: it ends when the memory is no longer seen', async () => {
    open({ guard: 'canary' });
    let taken: ArrayBuffer | undefined = await (async () => {
      const buf = pool.acquire(SIZE);
      const memory = await take(buf.buffer as ArrayBuffer);
      buf.release();
      return memory;
    })();
    pool.close();
    await collect();
    expect(pool.stats().chargedBytes).toBe(2 << 20);
    expect(taken.byteLength).toBeGreaterThanOrEqual(SIZE);
    taken = undefined;
    await collect(() => pool.stats().chargedBytes === 0);
    expect(pool.stats().chargedBytes).toBe(0);
  });

  test.each(['quarantined', 'idle'])(
    'of a released buffer that is %s, and writes into it: check() reports it, once',
    async (where) => {
      let taken: ArrayBuffer | undefined = await takenAfterRelease(where);
      new Uint8Array(taken)[7] = 7;
      expect(pool.check()).toMatchObject([{ kind: 'detached-after-release', offset: -1, bytes: '' }]);
      expect(pool.check()).toEqual([]);
      expect(pool.stats()).toMatchObject({ quarantinedBlocks: 0, quarantinedBytes: 0 });
      pool.trim();
      expect(pool.stats().guardReports).toBe(1);
      taken = undefined;
      await roomAgain();
      expect(reports).toHaveLength(1);
    },
  );

  test('of a quarantined buffer, and writes into it: one report when it leaves the quarantine', async () => {
    open({ guard: 'poison', quarantineBytes: 1024 });
    let taken: ArrayBuffer | undefined = await (async () => {
      const buf = pool.acquire(1000);
      const memory = buf.buffer as ArrayBuffer;
      buf.release();
      return take(memory);
    })();
    new Uint8Array(taken)[7] = 7;
    const [one, two] = [pool.acquire(1000), pool.acquire(1000)];
    one.release();
    two.release();
    pool.trim();
    expect(kinds()).toEqual(['detached-after-release']);
    taken = undefined;
    await collect();
  });
});
