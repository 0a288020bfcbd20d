// The life of a pool: scope, trim, stats, close.

import { BufferPool, type BufferPoolOptions, type PooledBuffer, type Scope } from 'superslab';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { isStamped, stamp } from './support/bytes.js';
import { collect } from './support/collect.js';
import { thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';
import { nativePool, spyOnNative } from './support/native-calls.js';

const pools: BufferPool[] = [];
const makePool = (options?: BufferPoolOptions) => {
  const pool = new BufferPool({ leakDetection: 'off', ...options }); // buffers are forgotten here
  pools.push(pool);
  return pool;
};
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

describe('scope', () => {
  test('releases at its end what was acquired through it, and returns the result', () => {
    const pool = makePool();
    const seen: PooledBuffer[] = [];
    const result = pool.scope(({ acquire, alloc }) => {
      seen.push(acquire(10), alloc(20), acquire(0), acquire(3 << 20));
      return 'result';
    });
    expect(result).toBe('result');
    expect(seen.every((buf) => buf.released)).toBe(true);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('releases when the function throws', () => {
    const pool = makePool();
    expect(() =>
      pool.scope(({ acquire }) => {
        acquire(10);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('releases when a promise is fulfilled, not before', async () => {
    const pool = makePool();
    let buf: PooledBuffer | undefined;
    const promise = pool.scope(async ({ acquire }) => {
      buf = acquire(10);
      await new Promise(setImmediate);
      return buf.released;
    });
    expect(buf!.released).toBe(false);
    expect(await promise).toBe(false);
    expect(buf!.released).toBe(true);
  });

  test('releases when a promise is rejected', async () => {
    const pool = makePool();
    await expect(
      pool.scope(async ({ acquire }) => {
        acquire(10);
        await null;
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('leaves what was retained, and what was released in it', () => {
    const pool = makePool();
    const kept = pool.scope(({ acquire }) => {
      acquire(10).release();
      return acquire(20).retain();
    });
    expect([kept.refs, kept.released]).toEqual([1, false]);
    kept.release();
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('gives nothing once it has ended, and takes whatever its function returns', async () => {
    const pool = makePool();
    let kept: Scope;
    const keep = (scope: Scope) => {
      kept = scope;
      return null;
    };
    expect(pool.scope(keep)).toBeNull();
    const { message } = thrownBy(() => kept.acquire(10), 'ERR_SUPERSLAB_CLOSED');
    expect(message).toContain('the scope has ended');
    expect(await pool.scope(async (scope) => keep(scope))).toBeNull();
    thrownBy(() => kept.alloc(10), 'ERR_SUPERSLAB_CLOSED');
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('scopes nest', () => {
    const pool = makePool();
    pool.scope((outer) => {
      const buf = outer.acquire(10);
      const inner = pool.scope((scope) => scope.acquire(10));
      expect([buf.released, inner.released]).toEqual([false, true]);
    });
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

describe('trim', () => {
  test('gives idle memory back, and no memory in use', () => {
    const pool = makePool();
    const kept = pool.acquire(5000);
    stamp(kept, 1);
    pool.releaseMany(pool.acquireMany(100_000, 100));
    const before = pool.stats().committedBytes;
    const given = pool.trim();
    const after = pool.stats();
    expect(given).toBeGreaterThan(9_000_000);
    expect(after.committedBytes).toBe(before - given);
    expect(after.committedBytes).toBeGreaterThanOrEqual(5000);
    expect(after.purgedBytes).toBe(given);
    expect(isStamped(kept, 1)).toBe(true);
    kept.release();
  });

  test('stops at its target', () => {
    const pool = makePool();
    pool.releaseMany(pool.acquireMany(3 << 20, 8));
    pool.trim(12 << 20);
    const { committedBytes } = pool.stats();
    expect(committedBytes).toBeGreaterThan(0);
    expect(committedBytes).toBeLessThanOrEqual(12 << 20);
    expect(pool.trim(64 << 20)).toBe(0);
  });

  test('a second one finds nothing', () => {
    const pool = makePool();
    pool.acquire(100_000).release();
    expect(pool.trim()).toBeGreaterThan(0);
    expect(pool.trim()).toBe(0);
    expect(pool.trim(Number.POSITIVE_INFINITY)).toBe(0);
  });

  test('a trimmed pool gives buffers that hold what is written', () => {
    const pool = makePool();
    for (let round = 0; round < 5; round++) {
      const bufs = pool.acquireMany(10_000, 30);
      bufs.forEach((buf, i) => {
        stamp(buf, i + round);
      });
      expect(bufs.every((buf, i) => isStamped(buf, i + round))).toBe(true);
      pool.releaseMany(bufs);
      pool.trim();
    }
  });
});

describe('stats', () => {
  test('counts acquires, releases and what is in use', () => {
    const block = blockBytes(1000);
    const pool = makePool({ name: 'counted' });
    const bufs = pool.acquireMany(1000, 10);
    pool.releaseMany(bufs.slice(0, 4));
    const stats = pool.stats();
    expect(stats).toMatchObject({
      name: 'counted',
      closed: false,
      acquires: 10,
      releases: 4,
      inUseBytes: 6 * block,
    });
    expect(stats.classes).toHaveLength(1);
    expect(stats.classes[0]).toMatchObject({ blockBytes: block, acquires: 10, releases: 4, inUseBlocks: 6 });
    expect(stats.chargedBytes).toBe(stats.inUseBytes + stats.cachedBytes);
    expect(stats.committedBytes).toBeGreaterThanOrEqual(stats.chargedBytes);
    expect(stats.reservedBytes).toBeGreaterThanOrEqual(stats.committedBytes);
    pool.releaseMany(bufs.slice(4));
    expect(pool.stats()).toMatchObject({ releases: 10, inUseBytes: 0 });
  });

  test('counts blocks beyond 2 MiB', () => {
    const block = blockBytes(4 << 20);
    const pool = makePool({ quarantineBytes: 0 });
    const buf = pool.acquire(4 << 20);
    expect(pool.stats()).toMatchObject({ acquires: 1, hugeMisses: 1, inUseBytes: block });
    buf.release();
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, bigCacheBytes: block });
  });

  test('most acquires are served without a native call', () => {
    const pool = makePool({ quarantineBytes: 0 });
    for (let i = 0; i < 10_000; i++) pool.acquire(1000).release();
    const { acquires, hits, refills } = pool.stats();
    expect([acquires, hits + refills]).toEqual([10_000, 10_000]);
    expect(refills).toBeLessThan(10);
  });

  test('each figure is a number', () => {
    const { name, closed, classes, sizes, lifetimes, slow, adaptations, ...figures } = makePool().stats();
    for (const [key, value] of Object.entries(figures)) expect(value, key).toBeTypeOf('number');
    expect([typeof name, closed, classes, adaptations]).toEqual(['string', false, [], []]);
  });

  test('the peak stays', () => {
    const pool = makePool();
    pool.releaseMany(pool.acquireMany(100_000, 50));
    pool.trim();
    expect(pool.stats().peakChargedBytes).toBeGreaterThanOrEqual(5_000_000);
  });
});

describe('what its magazine serves', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(['release() of another pool', 'release() of the buffer'])(
    'comes and goes without a native call: by %s',
    (how) => {
      const pool = makePool({ guard: 'off' });
      const other = makePool();
      pool.acquire(1000).release();
      const spies = spyOnNative(nativePool(pool.name));
      const release = how.endsWith('buffer') ? (buf: PooledBuffer) => buf.release() : other.release;
      for (let i = 0; i < 3; i++) release(pool.acquire(1000));
      const called = spies.filter((spy) => spy.mock.calls.length > 0).map((spy) => spy.getMockName());
      expect(called).toEqual([]);
    },
  );
});

describe('an operation that fails', () => {
  const { hasUnfinished } = internal<typeof import('../lib/pool/unfinished.js')>('pool/unfinished');

  test.each<[string, (pool: BufferPool) => unknown]>([
    ['acquire', (pool) => pool.acquire(64)],
    ['acquireMany', (pool) => pool.acquireMany(64, 2)],
    ['from', (pool) => pool.from('text')],
    ['scope', (pool) => pool.scope(({ acquire }) => acquire(64))],
  ])('%s leaves nothing that upkeep would have to do', (_, act) => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const buf = pool.acquire(64);
    thrownBy(() => act(pool), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(hasUnfinished()).toBe(false);
    buf.release();
    thrownBy(() => pool.acquireMany(64, 2), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(hasUnfinished()).toBe(false);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

describe('buffers that an operation has in hand', () => {
  const { HeldBuffers } = internal<typeof import('../lib/pool/unfinished.js')>('pool/unfinished');

  test('are kept while they cannot be released, the others are not', () => {
    let isStackFull = true;
    const released: number[] = [];
    const bufs = [0, 1, 2].map(
      (i) =>
        ({
          released: false,
          release() {
            if (i === 1 && isStackFull) throw new RangeError('Maximum call stack size exceeded');
            released.push(i);
          },
        }) as never,
    );
    const held = new HeldBuffers(bufs);
    expect(() => held.undo()).toThrow('Maximum call stack size exceeded');
    expect([released, held.isEmpty]).toEqual([[0, 2], false]);
    isStackFull = false;
    held.undo();
    held.undo();
    expect([released, held.isEmpty]).toEqual([[0, 2, 1], true]);
  });
});

describe('memory that the operating system does not keep as secret as it was asked to', () => {
  const { SecrecyWatch } = internal<typeof import('../lib/pool/secrecy.js')>('pool/secrecy');
  const { SECRECY } = internal<typeof import('../lib/addon/generated/codes.js')>('addon/generated/codes');
  afterEach(() => {
    vi.restoreAllMocks();
  });
  type Native = Parameters<typeof SecrecyWatch.of>[0];

  /** What is said when the operating system has refused one after the other of `refused`. */
  function warningsFor(...refused: number[]): string[] {
    const warnings: string[] = [];
    vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
      expect(options).toEqual({ type: 'SuperslabWarning', code: 'SUPERSLAB_SECRECY' });
      warnings.push(String(message));
    });
    const refusedSecrecy = vi.fn<() => number>();
    const watch = SecrecyWatch.of(
      { sensitive: true, lockMemory: false, refusedSecrecy } as unknown as Native,
      'keys',
    )!;
    for (const kinds of refused) {
      refusedSecrecy.mockReturnValueOnce(kinds);
      watch.look();
    }
    return warnings;
  }
  const start = 'memory of pool "keys" is less secret than asked for: the operating system refused to ';

  test('is warned of, each kind once', () => {
    const both = SECRECY.noDump | SECRECY.wipeOnFork;
    expect(warningsFor(0, SECRECY.noDump, SECRECY.noDump, both, both)).toEqual([
      `${start}leave it out of core dumps`,
      `${start}wipe it in forked children`,
    ]);
    expect(warningsFor(both)).toEqual([
      `${start}leave it out of core dumps; and to wipe it in forked children`,
    ]);
  });

  test('with the limit, where it must be locked', () => {
    const [warning, ...others] = warningsFor(SECRECY.locked);
    expect(others).toEqual([]);
    expect(warning!.replace(/ \(it is (\d+|unlimited) bytes\)/, ' (LIMIT)')).toBe(
      `${start}lock it: raise "ulimit -l" (LIMIT), or LimitMEMLOCK= of the systemd unit`,
    );
  });

  test('is looked for where it was asked for only', () => {
    const watchOf = (sensitive: boolean, lockMemory: boolean) =>
      SecrecyWatch.of({ sensitive, lockMemory } as Native, 'keys');
    expect(watchOf(false, false)).toBeUndefined();
    expect(watchOf(true, false)).toBeInstanceOf(SecrecyWatch);
    expect(watchOf(false, true)).toBeInstanceOf(SecrecyWatch);
  });
});

describe('a tag', () => {
  test('has up to 64 characters', () => {
    const pool = makePool();
    expect(pool.tagged('x'.repeat(64)).tag).toBe('x'.repeat(64));
    expect(thrownBy(() => pool.tagged('x'.repeat(65)), 'ERR_SUPERSLAB_ARGUMENT').message).toContain(
      'a tag is a string of 1 to 64 printable characters, got "xxx',
    );
  });
});

test("zero: 'release' clears the largest block that is cut from a slab", () => {
  const pool = makePool({ zero: 'release', guard: 'off' });
  const buf = pool.acquire(2 << 20);
  buf.fill(1);
  const { buffer, byteOffset } = buf;
  buf.release();
  expect(new Uint8Array(buffer, byteOffset, 2 << 20).every((byte) => byte === 0)).toBe(true);
});

describe('a pool that was dropped without close()', () => {
  const { openCores } = internal<{ openCores: Map<number, { name: string }> }>('pool/cores');
  const isOpen = (name: string) => [...openCores.values()].some((cache) => cache.name === name);

  test('is closed when it has been collected', async () => {
    (() => new BufferPool({ name: 'dropped' }).acquire(1000).release())();
    expect(isOpen('dropped')).toBe(true);
    await collect(() => !isOpen('dropped'));
    expect(isOpen('dropped')).toBe(false);
  });

  test.for(['acquire', 'alloc', 'release'] as const)(
    'stays open while somebody has its %s()',
    async (name) => {
      const bound = (() => new BufferPool({ name: `kept for ${name}` })[name])();
      await collect();
      expect(isOpen(`kept for ${name}`)).toBe(true);
      expect(bound).toBeTypeOf('function');
    },
  );

  test('stays open while somebody waits for it', async () => {
    const { held, waiting } = (() => {
      const pool = new BufferPool({ name: 'awaited', maxBytes: blockBytes(64) });
      return { held: pool.acquire(64), waiting: pool.acquireAsync(64) };
    })();
    await collect();
    expect(isOpen('awaited')).toBe(true);
    held.release();
    (await waiting).release();
    await collect(() => !isOpen('awaited'));
    expect(isOpen('awaited')).toBe(false);
  });
});

describe('close', () => {
  test('leaves live buffers as they are, and takes them back later', () => {
    const pool = makePool();
    const bufs = [pool.acquire(1000), pool.acquire(1000).retain(), pool.acquire(3 << 20)];
    bufs.forEach((buf, i) => {
      stamp(buf.subarray(0, 1000), i);
    });
    pool.close();
    const other = makePool();
    const others = other.acquireMany(1000, 100);
    others.forEach((buf) => {
      buf.fill(0xee);
    });
    expect(bufs.every((buf, i) => isStamped(buf.subarray(0, 1000), i))).toBe(true);
    expect(pool.stats()).toMatchObject({
      closed: true,
      inUseBytes: 2 * blockBytes(1000) + blockBytes(3 << 20),
    });
    bufs[1]!.release();
    pool.releaseMany(bufs);
    expect(pool.stats()).toMatchObject({ closed: true, inUseBytes: 0, committedBytes: 0, threads: 0 });
    other.releaseMany(others);
  });

  test('a second close, and dispose, do nothing', () => {
    const pool = makePool();
    pool.close();
    pool.close();
    pool[Symbol.dispose]();
    expect(pool.closed).toBe(true);
  });

  test('misuse after close is still told', () => {
    const pool = makePool();
    const buf = pool.acquire(100);
    pool.close();
    buf.release();
    thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('a buffer of a closed pool can be shared and adopted', () => {
    const [pool, other] = [makePool(), makePool()];
    const buf = pool.from('still here');
    pool.close();
    const adopted = other.adopt(pool.share(buf));
    buf.release();
    expect(adopted.toString()).toBe('still here');
    adopted.release();
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('an adopted buffer outlives the closed pool that adopted it', () => {
    const [pool, other] = [makePool(), makePool()];
    const adopted = other.adopt(pool.share(pool.from('x')));
    other.close();
    expect(adopted.toString()).toBe('x');
    adopted.release();
  });

  test('names are given in order when none is set', () => {
    const [a, b] = [makePool(), makePool()];
    expect(a.name).toMatch(/^pool-\d+$/);
    expect(Number(b.name.slice(5))).toBe(Number(a.name.slice(5)) + 1);
    expect(BufferPool.default.name).toBe('default');
  });
});
