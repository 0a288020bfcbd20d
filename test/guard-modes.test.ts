// What the guards find: poison, canary and detach, the quarantine, and what each leaves alone.
import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { BufferPool, type BufferPoolOptions, type GuardReport, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { collect } from './support/collect.js';
import { thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';

const { windows } = createRequire(import.meta.url)('../dist/cjs/pool/windows.js') as {
  windows: ArrayBuffer[];
};

const { openCores } = internal<{
  openCores: ReadonlyMap<
    number,
    {
      readonly heapId: number;
      readonly magazines: { readonly parked: Uint32Array };
      readonly watcher: { tick(): void };
    }
  >;
}>('pool/cores');

const { environment } = internal<typeof import('../lib/addon/environment.js')>('addon/environment');

type Guard = Exclude<NonNullable<BufferPoolOptions['guard']>, 'off'>;
const ALL: readonly Guard[] = ['poison', 'canary', 'detach'];

let reports: GuardReport[] = [];
const onReport = (report: unknown) => reports.push(report as GuardReport);
const pools: BufferPool[] = [];

beforeEach(() => {
  reports = [];
  subscribe('superslab:pool:guard', onReport);
});
afterEach(() => {
  unsubscribe('superslab:pool:guard', onReport);
  for (const pool of pools.splice(0)) {
    pool.close();
    expect(pool.stats()).toMatchObject({ chargedBytes: 0, inUseBytes: 0, doubleFrees: 0 });
  }
});

function open(options: BufferPoolOptions): BufferPool {
  const pool = new BufferPool({ name: 'guarded', ...options });
  pools.push(pool);
  return pool;
}

describe.each(ALL)('guard %s', (guard) => {
  test.each([
    1,
    63,
    64,
    65,
    4095,
    4096,
    4097,
    65_536,
    1 << 20,
    (2 << 20) - 16,
    2 << 20,
    (2 << 20) + 1,
    5 << 20,
  ])('a buffer of %d B is of that length, and leaves no report', (size) => {
    const pool = open({ guard, quarantineBytes: '16m' });
    for (let i = 0; i < 3; i++) {
      const buf = pool.acquire(size);
      expect([buf.length, buf.byteOffset, buf.refs]).toEqual([size, 0, 1]);
      expect(buf.capacity).toBeGreaterThanOrEqual(size);
      buf.fill(i);
      expect(buf[size - 1]).toBe(i);
      buf.release();
    }
    const zeroed = pool.alloc(size);
    expect(zeroed.every((byte) => byte === 0)).toBe(true);
    zeroed.release();
    expect(pool.check()).toEqual([]);
    expect(reports).toEqual([]);
  });

  test('buffers that are out at once are apart', () => {
    const pool = open({ guard });
    const bufs = Array.from({ length: 300 }, (_, i) => pool.acquire(1 + ((i * 997) % 9000)).fill(i & 255));
    for (const [i, buf] of bufs.entries()) expect(buf.every((byte) => byte === (i & 255))).toBe(true);
    pool.releaseMany(bufs);
    expect(reports).toEqual([]);
  });

  test('what is released counts as cached, and trim() gives it back', () => {
    const pool = open({ guard });
    const bufs = pool.acquireMany(4096, 20);
    pool.releaseMany(bufs);
    const { inUseBytes, cachedBytes, acquires, releases } = pool.stats();
    expect([inUseBytes, acquires, releases]).toEqual([0, 20, 20]);
    expect(cachedBytes).toBeGreaterThanOrEqual(20 * 4096);
    pool.trim();
    expect(pool.stats()).toMatchObject({ chargedBytes: 0, committedBytes: 0 });
  });

  test('what is watched and what is in quarantine are counted, and no more once it has left', () => {
    const pool = open({ guard, quarantineBytes: '64k' });
    const levels = () => {
      const { watchedBlocks, watchedBytes, quarantinedBlocks, quarantinedBytes } = pool.stats();
      return [watchedBlocks, watchedBytes, quarantinedBlocks, quarantinedBytes];
    };
    expect(levels()).toEqual([0, 0, 0, 0]);
    const [block] = pool.acquireMany(4000, 1);
    const [one, capacity] = levels() as [number, number, number, number];
    expect(one).toBe(1);
    expect(capacity).toBeGreaterThanOrEqual(4000);
    const bufs = [block!, ...pool.acquireMany(4000, 4)];
    const large = pool.acquire(3 << 20);
    expect(levels()[0]).toBe(6);
    expect(levels()[1]).toBeGreaterThanOrEqual(5 * capacity + (3 << 20));
    large.release();
    bufs[0]!.retain();
    bufs[0]!.release();
    expect(levels()).toEqual([5, 5 * capacity, 0, 0]); // too large for the quarantine
    pool.releaseMany(bufs);
    expect(levels()).toEqual([0, 0, 5, 5 * capacity]);
    for (let i = 0; i < 30; i++) pool.acquire(4000).release();
    const most = Math.floor((64 << 10) / capacity);
    expect(levels()).toEqual([0, 0, most, most * capacity]);
    pool.trim();
    expect(levels()).toEqual([0, 0, 0, 0]);
    const last = pool.acquire(4000);
    pool.close();
    expect(levels()).toEqual([1, capacity, 0, 0]);
    last.release();
    expect(levels()).toEqual([0, 0, 0, 0]);
  });

  test('a block beyond 2 MiB that is held back counts as cached', () => {
    const pool = open({ guard, quarantineBytes: '8m' });
    pool.acquire(3 << 20).release();
    const { inUseBytes, cachedBytes, heldHugeBytes } = pool.stats();
    expect(inUseBytes).toBe(0);
    expect(heldHugeBytes).toBeGreaterThanOrEqual(3 << 20);
    expect(cachedBytes).toBe(heldHugeBytes);
    pool.trim();
    expect(pool.stats()).toMatchObject({ cachedBytes: 0, heldHugeBytes: 0 });
  });

  test('idle memory goes back by itself', async () => {
    const pool = open({ guard, purgeDelayMs: 20 });
    pool.acquire(100_000).release();
    await expect.poll(() => pool.stats().chargedBytes, { timeout: 5000 }).toBe(0);
  });

  test('idle memory that nobody needs goes back while the pool is at work', async () => {
    const pool = open({ guard, quarantineBytes: 0, purgeDelayMs: 20 });
    pool.releaseMany(pool.acquireMany(100_000, 20));
    const before = pool.stats().chargedBytes;
    expect(before).toBeGreaterThanOrEqual(1_000_000);
    while (pool.stats().chargedBytes > before / 2) {
      pool.acquire(64).release();
      await new Promise(setImmediate);
    }
  }, 10_000);

  test('as many idle blocks are kept as were in use at once since the last look', () => {
    const pool = open({ guard, quarantineBytes: 0 });
    const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    const parked = () => core.magazines.parked.reduce((sum, count) => sum + count, 0);
    const use = (count: number) => pool.releaseMany(pool.acquireMany(1000, count));
    use(10);
    core.watcher.tick();
    expect(parked()).toBe(10);
    use(4);
    use(1);
    core.watcher.tick();
    expect(parked()).toBe(4);
  });

  test('held-back blocks make room under maxBytes', () => {
    const pool = open({ guard, maxBytes: 1 << 20, quarantineBytes: '64m' });
    for (let i = 0; i < 50; i++) pool.acquire(200_000 + i).release();
    for (let i = 0; i < 50; i++) pool.acquire(1000 << (i % 9)).release();
    expect(pool.stats().exhausted).toBe(0);
    thrownBy(() => pool.acquire(2 << 20), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(pool.stats().exhausted).toBe(1);
    expect(reports).toEqual([]);
  });

  test('who waits gets what is held back', async () => {
    const pool = open({ guard, maxBytes: 1 << 20, quarantineBytes: '64m' });
    const first = pool.acquire(600_000);
    const waiting = pool.acquireAsync(600_000);
    first.release();
    (await waiting).release();
  });

  test('references, scopes and fallbacks work', () => {
    const pool = open({ guard, maxBytes: 1 << 20, onExhausted: 'fallback' });
    const kept = pool.scope((scope) => {
      scope.acquire(10);
      return scope.acquire(20).retain();
    });
    kept.fill(1).release();
    const fallback = pool.acquire(3 << 20);
    expect(pool.stats().fallbacks).toBe(1);
    fallback.release();
    pool.acquire(0).release();
    expect(reports).toEqual([]);
  });

  test('shared and adopted buffers', () => {
    const pool = open({ guard });
    const other = open({ guard, name: 'other' });
    for (const size of [100, 5000, 3 << 20]) {
      const buf = pool.acquire(size).fill(3);
      const adopted = other.adopt(pool.share(buf));
      expect(adopted.length).toBe(size);
      adopted[size - 1] = 4;
      expect(buf[size - 1]).toBe(4);
      buf.release();
      expect(adopted[0]).toBe(3);
      adopted.release();
      const again = pool.acquire(size);
      pool.revoke(pool.share(again));
      again.release();
    }
    expect(reports).toEqual([]);
  });

  test('where the host forbids an ArrayBuffer no block and no reference is lost', () => {
    const pool = open({ guard });
    const other = open({ guard, name: 'other' });
    const buf = pool.acquire(5000).fill(3);
    const token = pool.share(buf);
    const ownWindow = vi.spyOn(environment, 'ownWindow').mockReturnValue(undefined);
    try {
      thrownBy(() => pool.acquire(5000), 'ERR_SUPERSLAB_HOST');
      thrownBy(() => other.adopt(token), 'ERR_SUPERSLAB_HOST');
    } finally {
      ownWindow.mockRestore();
    }
    expect(pool.stats().inUseBytes).toBe(buf.capacity);
    pool.acquire(5000).fill(0).release();
    expect(buf.every((byte) => byte === 3)).toBe(true);
    buf.release();
    expect(reports).toEqual([]);
  });

  test('a write after the release is found at the next acquire, with both stacks', () => {
    const pool = open({ guard, quarantineBytes: 0 });
    const events: GuardReport[] = [];
    pool.on('guard', (report) => events.push(report));
    const acquireHere = () => pool.acquire(1000);
    const releaseHere = (buf: PooledBuffer) => buf.release();
    const view = lastingView(acquireHere, releaseHere, guard);
    view.set([1, 2, 3], 700);
    expect(reports).toEqual([]);
    const next = pool.acquire(1000);
    expect(reports).toMatchObject([
      {
        kind: 'written-after-release',
        pool: 'guarded',
        size: 1000,
        offset: 700,
        bytes: expect.stringMatching(/^010203db/),
      },
    ]);
    expect(reports[0]!.message).toMatch(
      /^a buffer of 1000 B \(pool "guarded"\) was written after its release: offset 700 holds 010203db/,
    );
    expect(reports[0]!.acquired.split('\n')[0]).toContain('acquireHere');
    expect(reports[0]!.released.split('\n')[0]).toContain('releaseHere');
    expect(events).toEqual(reports);
    expect(pool.stats().guardReports).toBe(1);
    next.release();
    // Once: the block was filled again.
    pool.acquire(1000).release();
    expect(reports).toHaveLength(1);
  });

  test('in the quarantine blocks are not leased again, and are looked at when they leave', () => {
    const pool = open({ guard, quarantineBytes: '64k' });
    const view = lastingView(
      () => pool.acquire(4000),
      (buf) => buf.release(),
      guard,
    );
    for (let i = 0; i < 8; i++) {
      const buf = pool.acquire(4000).fill(1);
      buf.release();
    }
    view[0] = 0;
    expect(reports).toEqual([]);
    for (let i = 0; i < 16; i++) pool.acquire(4000).release();
    expect(reports).toMatchObject([{ kind: 'written-after-release', offset: 0 }]);
    expect(pool.stats()).toMatchObject({ guardReports: 1, poisonReports: 1 });
  });

  test('a block that waits long has its stacks still, whatever else was released since', () => {
    const pool = open({ guard, quarantineBytes: '16m' });
    const late = lastingView(() => pool.acquire(100), pool.release, guard);
    for (let i = 0; i < 2000; i++) pool.acquire(100).release();
    late[3] = 1;
    const stack = expect.stringContaining('guard-modes.test');
    expect(pool.check()).toMatchObject([{ offset: 3, acquired: stack, released: stack }]);
  });

  test('check(), trim() and close() find a write too', () => {
    const acts: ((pool: BufferPool) => void)[] = [(p) => p.check(), (p) => p.trim(), (p) => p.close()];
    for (const act of acts) {
      reports = [];
      const pool = open({ guard });
      const view = lastingView(
        () => pool.acquire(500),
        (buf) => buf.release(),
        guard,
      );
      view[499] = 0;
      act(pool);
      expect(reports).toMatchObject([{ kind: 'written-after-release', offset: 499 }]);
    }
  });

  test.skipIf(guard === 'detach')('a huge block in the quarantine', () => {
    const pool = open({ guard, quarantineBytes: '8m' });
    const view = lastingView(
      () => pool.acquire(3 << 20),
      (buf) => buf.release(),
      guard,
    );
    view[0] = 1;
    pool.acquire(6 << 20).release();
    expect(reports).toMatchObject([{ kind: 'written-after-release', size: 3 << 20, offset: 0 }]);
  });

  test("with zero: 'release' blocks are cleared, and other bytes than zero are found", () => {
    const pool = open({ guard, zero: 'release', quarantineBytes: 0 });
    const view = lastingView(
      () => pool.acquire(500).fill(9),
      (buf) => buf.release(),
      guard,
    );
    expect(view.every((byte) => byte === 0)).toBe(true);
    view[3] = 1;
    const next = pool.acquire(500);
    // Which ones, no report tells: the pool may hold secrets.
    expect(reports).toMatchObject([{ offset: 3, bytes: '' }]);
    expect(next.every((byte) => byte === 0)).toBe(true);
    next.release();
  });
});

const TRANSFERS = ['transfer', 'transferToFixedLength'].filter((name) => name in ArrayBuffer.prototype);

// From Node 21 on. What a borrowed one does, see taken-memory.test.ts.
describe.skipIf(TRANSFERS.length === 0).each(['off', ...ALL] as const)(
  'buf.buffer under guard %s',
  (guard) => {
    test.each(TRANSFERS)('%s() is refused, and the release is as ever', (name) => {
      const pool = open({ guard, leakDetection: 'full' });
      const buf = pool.acquire(500);
      const memory = buf.buffer as ArrayBuffer & { [name: string]: () => void };
      expect(() => memory[name]!()).toThrow(/cannot be transferred; use share/);
      expect(buf.length).toBe(500);
      buf.release();
      expect(buf.length).toBe(guard === 'detach' ? 0 : 500);
      const shared = pool.acquire(300);
      const adopted = pool.adopt(pool.share(shared));
      shared.release();
      expect(() => (adopted.buffer as typeof memory)[name]!()).toThrow(/cannot be transferred/);
      adopted.release();
      expect(reports).toEqual([]);
    });
  },
);

/** A view by which a program goes on writing after the release. */
function lastingView(
  acquire: () => PooledBuffer,
  release: (buf: PooledBuffer) => void,
  guard: Guard,
): Uint8Array {
  const buf = acquire();
  // A detached buffer has none: only native code goes on writing, which has a pointer.
  const view = guard === 'detach' ? windowOf(buf) : new Uint8Array(buf.buffer);
  release(buf);
  return view;
}

/** The bytes of a buffer as superslab's own view of the memory around them shows them. */
function windowOf(buf: PooledBuffer): Uint8Array {
  const mark = randomBytes(32);
  const before = Buffer.from(buf.subarray(0, 32));
  buf.set(mark);
  for (const window of windows) {
    const at = Buffer.from(window).indexOf(mark);
    if (at < 0) continue;
    buf.set(before);
    return new Uint8Array(window, at, buf.length);
  }
  throw new Error('no window shows the buffer');
}

describe('canary', () => {
  const offsets: [number, number][] = [
    [100, 100],
    [100, 115],
    [4096, 4096],
    [4080, 4081],
    [3 << 20, 3 << 20],
  ];
  test.each(offsets)(
    'of a buffer of %d B, byte %d: the release throws, and the block is home',
    (size, offset) => {
      const pool = open({ guard: 'canary' });
      const acquireHere = () => pool.acquire(size);
      const buf = acquireHere();
      new Uint8Array(buf.buffer)[offset]! ^= 1;
      const error = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_OVERFLOW');
      expect(error).toMatchObject({ size, pool: 'guarded' });
      expect(error.message).toContain(`offset ${offset} holds `);
      expect((error as unknown as GuardReport).acquired.split('\n')[0]).toContain('acquireHere');
      expect(buf.released).toBe(true);
      expect(pool.stats().inUseBytes).toBe(0);
    },
  );

  test('check() finds it in a live buffer, once', () => {
    const pool = open({ guard: 'canary' });
    const [buf, other] = [pool.acquire(100), pool.acquire(100)];
    new Uint8Array(buf.buffer)[101] = 0;
    expect(pool.check()).toMatchObject([{ kind: 'overflow', size: 100, offset: 101, released: '' }]);
    expect(pool.stats()).toMatchObject({ guardReports: 1, poisonReports: 0 });
    expect(pool.check()).toEqual([]);
    expect(reports).toHaveLength(1);
    buf.release();
    other.release();
  });

  test('writing all of a buffer, and through views of all lengths, is none', () => {
    const pool = open({ guard: 'canary' });
    for (let size = 1; size < 300; size++) {
      const buf = pool.acquire(size);
      buf.fill(0xff);
      buf.write('x'.repeat(1000));
      buf.copy(buf, size >> 1);
      buf.release();
    }
    expect(pool.check()).toEqual([]);
  });

  test('releaseMany throws the overflow after it released all', () => {
    const pool = open({ guard: 'canary' });
    const bufs = pool.acquireMany(100, 3);
    new Uint8Array(bufs[1]!.buffer)[100] = 0;
    thrownBy(() => pool.releaseMany(bufs), 'ERR_SUPERSLAB_OVERFLOW');
    expect(pool.stats().inUseBytes).toBe(0);
  });

  describe('a release that throws does not keep others from being released', () => {
    const overflow = (buf: PooledBuffer) => {
      new Uint8Array(buf.buffer)[buf.length] = 0;
    };
    const acquireAll = (acquire: (size: number) => PooledBuffer) => {
      const bufs = Array.from({ length: 5 }, () => acquire(100));
      overflow(bufs[0]!);
      return bufs;
    };
    let pool: BufferPool;
    beforeEach(() => {
      pool = open({ guard: 'canary' });
    });
    afterEach(() => {
      expect(reports).toMatchObject([{ kind: 'overflow' }]);
      expect(pool.stats().inUseBytes).toBe(0);
    });

    test('at the end of a scope, which throws the overflow', () => {
      thrownBy(() => pool.scope(({ acquire }) => void acquireAll(acquire)), 'ERR_SUPERSLAB_OVERFLOW');
    });

    test('of a scope that throws: its own error is thrown', () => {
      const mine = new Error('mine');
      const run = () =>
        pool.scope(({ acquire }) => {
          acquireAll(acquire);
          throw mine;
        });
      expect(run).toThrow(mine);
    });

    test('of an asynchronous scope', async () => {
      const run = pool.scope(async ({ acquire }) => void acquireAll(acquire));
      await expect(run).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_OVERFLOW' });
    });

    test('of an asynchronous scope that rejects: with its own reason', async () => {
      const run = pool.scope(async ({ acquire }) => {
        acquireAll(acquire);
        throw new Error('mine');
      });
      await expect(run).rejects.toThrow('mine');
    });

    test('of acquireMany() without room: it throws why', () => {
      const small = open({ guard: 'canary', maxBytes: '2m' });
      let count = 0;
      const acquire = small.acquire;
      Object.defineProperty(small, 'acquire', {
        value: (size: number) => {
          const buf = acquire(size);
          if (count++ === 0) overflow(buf);
          return buf;
        },
      });
      thrownBy(() => small.acquireMany(500_000, 10), 'ERR_SUPERSLAB_EXHAUSTED');
      expect(count).toBeGreaterThan(2);
      expect(small.stats().inUseBytes).toBe(0);
    });

    test('of from() with a text that is shorter than it seemed', () => {
      const acquire = pool.acquire;
      let count = 0;
      Object.defineProperty(pool, 'acquire', {
        value: (size: number) => {
          const buf = acquire(size);
          if (count++ === 0) overflow(buf);
          return buf;
        },
      });
      thrownBy(() => pool.from('abcdxx', 'hex'), 'ERR_SUPERSLAB_OVERFLOW');
      expect(count).toBe(2);
    });
  });
});

describe('detach', () => {
  test('a released buffer and its views have no bytes', () => {
    const pool = open({ guard: 'detach' });
    const buf = pool.acquire(100).fill(1);
    const slice = buf.subarray(10, 20);
    const view = new DataView(buf.buffer, 0, 10);
    const memory = buf.buffer;
    buf.release();
    expect([buf.length, slice.length, memory.byteLength, buf[0], slice[3]]).toEqual([
      0,
      0,
      0,
      undefined,
      undefined,
    ]);
    expect(() => view.getInt8(0)).toThrow(TypeError);
    expect(() => Buffer.from(memory, 0, 1)).toThrow();
    slice[0] = 5;
    const next = pool.acquire(100).fill(2);
    slice[0] = 5;
    expect(next.every((byte) => byte === 2)).toBe(true);
    expect(next.buffer).not.toBe(memory);
    next.release();
    expect(reports).toEqual([]);
  });

  test('each buffer has pages of its own', () => {
    const pool = open({ guard: 'detach' });
    const bufs = [1, 100, 4080, 4081, 20_000].map((size) => pool.acquire(size));
    expect(bufs.map((buf) => buf.capacity)).toEqual([4096, 4096, 4096, 8192, 20_480]);
    pool.releaseMany(bufs);
  });

  test('a buffer with references left is not detached', () => {
    const pool = open({ guard: 'detach' });
    const buf = pool.acquire(100).retain();
    buf.release();
    expect(buf.length).toBe(100);
    buf.release();
    expect(buf.length).toBe(0);
  });

  test("the sharer's release detaches the sharer's view alone", () => {
    const pool = open({ guard: 'detach' });
    const buf = pool.acquire(100).fill(1);
    const adopted = pool.adopt(pool.share(buf));
    buf.release();
    expect([buf.length, adopted.length, adopted[0]]).toEqual([0, 100, 1]);
    adopted.release();
    expect(adopted.length).toBe(0);
  });

  test('a second release still tells the size', () => {
    const pool = open({ guard: 'detach' });
    const buf = pool.acquire(123);
    buf.release();
    const error = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(error.message).toContain('a buffer (123 B, pool "guarded")');
  });
});

describe('a listener that throws', () => {
  const mine = new Error('from a listener');
  let uncaught: unknown[];
  const listen = (pool: BufferPool) =>
    pool
      .on('guard', () => {
        throw mine;
      })
      .on('leak', () => {
        throw mine;
      });
  beforeEach(() => {
    uncaught = [];
    process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  });
  afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

  /** Until what was put off has been thrown, too. */
  const settled = () => new Promise(setImmediate);

  test('of an overflow at a release: the block is home, later leases are what they were', async () => {
    const pool = listen(open({ guard: 'canary', leakDetection: 'full' }));
    const other = pool.acquire(100);
    (() => {
      const buf = pool.acquire(100);
      new Uint8Array(buf.buffer)[100] = 0;
      thrownBy(() => buf.release(), 'ERR_SUPERSLAB_OVERFLOW');
    })();
    expect(pool.stats().inUseBytes).toBe(128);
    await collect();
    expect(uncaught).toEqual([mine]);
    // The other lease is still in the list of live ones.
    new Uint8Array(other.buffer)[100] = 0;
    expect(pool.check()).toHaveLength(1);
    other.release();
    await settled();
    expect(uncaught).toEqual([mine, mine]);
  });

  test('of a write after the release: acquire() gives the block', async () => {
    const pool = listen(open({ guard: 'poison', quarantineBytes: 0 }));
    const late = lastingView(() => pool.acquire(100), pool.release, 'poison');
    late[3] = 1;
    pool.acquire(100).release();
    await settled();
    expect(uncaught).toEqual([mine]);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('of leaks with overflows: all come back, all are reported', async () => {
    const pool = listen(open({ guard: 'canary', leakDetection: 'full' }));
    (() => {
      for (let i = 0; i < 3; i++) new Uint8Array(pool.acquire(100).buffer)[100] = 0;
    })();
    await collect(() => pool.leaks()[0]?.count === 3);
    await settled();
    expect(pool.leaks()).toMatchObject([{ count: 3 }]);
    expect(pool.stats().inUseBytes).toBe(0);
    expect(uncaught).toEqual(Array(6).fill(mine));
  });
});
