// GenerationalPool keeps the contract of every pool, and what it does beyond that.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BufferPool, stats } from 'superslab';
import { GenerationalPool, type GenerationalPoolOptions, type ValueScope } from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { conformance } from './conformance.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** Of the pools here. A value of its length has a chunk of its own. */
const CHUNK = 32 * KIB;
const YOUNG = 256 * KIB;

const thing = Buffer.alloc(CHUNK, 'thing');
interface Value {
  readonly pool: GenerationalPool;
  readonly handle: number;
}

conformance<GenerationalPool, Value>({
  name: 'GenerationalPool',
  open: (options) => new GenerationalPool({ young: YOUNG, ...options }),
  limitedTo: (count) => ({ maxBytes: count * CHUNK }),
  take: (pool) => ({ pool, handle: pool.put(thing) }),
  give: (pool, value) => pool.free((value as Value | undefined)?.handle as number),
  wait: async (pool, signal) => ({
    pool,
    handle: await pool.putAsync(thing, signal === undefined ? {} : { signal }),
  }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: ({ pool, handle }) => pool.owns(handle),
  overlap: (one, other) => overlap(one.pool.get(one.handle), other.pool.get(other.handle)),
  lendsAgain: false,
  isCollected: false,
  goesHome: false,
  strangers: ({ handle }) =>
    [handle + 0.5, -handle, handle + 1, 2 ** 53, Number.NaN, `${handle}`, Object(handle), 5n].map((one) => ({
      handle: one,
    })),
  lent: ({ inUseBytes }) => inUseBytes / CHUNK,
  relievedBy: 'caches',
  wrongOptions: [
    [{ youg: YOUNG }, '"youg"', 'did you mean "young"?'],
    [{ young: YOUNG - 1 }, 'young', `${YOUNG}`, `${YOUNG - 1}`],
    [{ young: 'much' }, 'young', '"much"'],
    [{ old: -1 }, 'old', '-1'],
    [{ old: CHUNK, young: 16 * MIB }, 'old', `${2 * MIB} B of one chunk`, `${CHUNK}`],
    [{ permanent: 1 }, 'permanent', 'got 1'],
    [{ promotion: 2 }, 'promotion', 'an object', '2'],
    [{ promotion: { youngToOl: 2 } }, '"youngToOl"', 'did you mean "youngToOld"?'],
    [{ promotion: { youngToOld: 0 } }, 'youngToOld', '1 to 255', '0'],
    [{ promotion: { survival: 1.5 } }, 'survival', '1.5'],
    [{ onExhausted: 'wait' }, '"onExhausted"'],
    [{ zero: 'nevr' }, '"zero"', '"nevr"', 'did you mean "never"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).GenerationalPool({ young: 1 << 26, ...OPTIONS })",
    take: 'pool.put(Buffer.allocUnsafe(1 << 20))',
    give: 'pool.free(thing)',
  },
});

const unwatched = { leakDetection: 'off', guard: 'off' } as const;
const open = (options: GenerationalPoolOptions = {}) =>
  new GenerationalPool({ young: YOUNG, ...unwatched, ...options });
const bytesOf = (length: number, seed = length): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (seed * 31 + i) & 255));
const putMany = (pool: GenerationalPool, count: number, length = 100): number[] =>
  Array.from({ length: count }, (_, i) => pool.put(bytesOf(length, i)));

describe('values', () => {
  test('of every length come back as they were put, wherever they have moved', () => {
    using pool = open();
    const lengths = [0, 1, 7, 8, 9, 100, 511, 512, 513, 4096, 4097, CHUNK, CHUNK + 1, 3 * MIB];
    const handles = lengths.map((length) => pool.put(bytesOf(length)));
    const expectAll = () => {
      for (const [i, length] of lengths.entries()) {
        expect(pool.length(handles[i]!)).toBe(length);
        expect(pool.get(handles[i]!).equals(bytesOf(length))).toBe(true);
        const target = Buffer.alloc(length + 10);
        expect(pool.copyTo(handles[i]!, target, 5)).toBe(length);
        expect(target.subarray(5, 5 + length).equals(bytesOf(length))).toBe(true);
      }
      expect(pool.check()).toEqual([]);
    };
    for (let i = 0; i < 12; i++) {
      expectAll();
      expect(pool.collect()).toBe(true);
    }
    expectAll();
    for (const handle of handles) pool.free(handle);
    expect(pool.stats().inUseBytes).toBeLessThanOrEqual(3 * CHUNK);
  });

  test('are copies, and their views Buffers that write to them', () => {
    using pool = open();
    const source = Buffer.from('text');
    const handle = pool.put(source);
    source.fill(0);
    const view = pool.get(handle);
    expect(Buffer.isBuffer(view)).toBe(true);
    expect(view.constructor).toBe(Buffer);
    expect(view.toString()).toBe('text');
    view.write('next');
    expect(pool.get(handle).toString()).toBe('next');
    expect(pool.put(view)).not.toBe(handle);
  });

  test('may not be anything but bytes that are there', () => {
    using pool = open();
    for (const wrong of ['text', 5, null, undefined, {}, [1], new Float64Array(2), new ArrayBuffer(8)]) {
      thrownBy(() => pool.put(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
      thrownBy(() => pool.scope((scope) => scope.put(wrong as never)), 'ERR_SUPERSLAB_ARGUMENT');
    }
    const gone = new Uint8Array(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    thrownBy(() => pool.put(gone), 'ERR_SUPERSLAB_ARGUMENT');
    const handle = pool.put(bytesOf(8));
    for (const [target, offset] of [
      [Buffer.alloc(7), 0],
      [Buffer.alloc(8), 1],
      [Buffer.alloc(8), -1],
      [Buffer.alloc(9), 0.5],
      ['text', 0],
    ] as const) {
      thrownBy(() => pool.copyTo(handle, target as Uint8Array, offset), 'ERR_SUPERSLAB_ARGUMENT');
    }
    expect(pool.generations().young.values).toBe(1);
  });

  test('that are too large for young go to old, and so do all when it is full', () => {
    using pool = open();
    pool.put(bytesOf(CHUNK / 8 + 1));
    expect(pool.generations()).toMatchObject({ young: { values: 0 }, old: { values: 1 }, pretenured: 1 });
    const handles = putMany(pool, 400, 1000);
    const { young, old, pretenured } = pool.generations();
    expect(young.heldBytes).toBe(YOUNG);
    expect(young.values + old.values).toBe(401);
    expect(pretenured).toBe(old.values);
    expect(old.values).toBeGreaterThan(100);
    handles.forEach((handle, i) => {
      expect(pool.get(handle).equals(bytesOf(1000, i))).toBe(true);
    });
    pool.collect();
    pool.put(bytesOf(1));
    expect(pool.generations().pretenured).toBe(pretenured);
  });

  test('that old has no room for are refused, with what to do', () => {
    using pool = open({ old: CHUNK });
    const large = pool.put(bytesOf(CHUNK));
    const { message } = thrownBy(() => pool.put(bytesOf(CHUNK)), 'ERR_SUPERSLAB_EXHAUSTED');
    for (const part of [`"${pool.name}"`, `${CHUNK} B`, 'collect()', 'raise old'])
      expect(message).toContain(part);
    // Young is full, too.
    thrownBy(() => putMany(pool, 1000, 1000), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.free(large);
    putMany(pool, 10, 1000);
    // Survivors stay young where old is full.
    for (let i = 0; i < 5; i++) pool.collect();
    expect(pool.generations().old.heldBytes).toBeLessThanOrEqual(CHUNK);
    expect(pool.check()).toEqual([]);
  });

  test('move by age, and become permanent by age and survival', () => {
    using pool = open({ promotion: { youngToOld: 3, oldToPermanent: 4, survival: 0.5 } });
    const handles = putMany(pool, 200, 1000);
    const where = () => {
      const { young, old, permanent } = pool.generations();
      return [young.values, old.values, permanent.values];
    };
    const after = [
      [200, 0, 0],
      [200, 0, 0],
      [0, 200, 0],
    ];
    for (const expected of after) {
      pool.collect();
      expect(where()).toEqual(expected);
    }
    // Of one full chunk too much ends.
    for (const handle of handles.splice(0, 25)) pool.free(handle);
    for (let i = 0; i < 4; i++) pool.collect();
    const [, old, permanent] = where();
    expect(permanent).toBeGreaterThan(60);
    expect(old! + permanent!).toBe(175);
    const held = pool.generations().permanent.heldBytes;
    for (const handle of handles) pool.free(handle);
    expect(pool.generations()).toMatchObject({ permanent: { values: 0, heldBytes: 0 } });
    expect(held).toBeGreaterThan(0);
  });

  test('leave no tables behind after a burst, and their handles stay stale', async () => {
    using pool = open({ young: 16 * MIB });
    const tables = async () => {
      await collect();
      return process.memoryUsage().arrayBuffers;
    };
    const before = await tables();
    const kept = pool.put(bytesOf(10, 1));
    const seen = new Set<number>();
    for (let round = 0; round < 2; round++) {
      const burst = Array.from({ length: 50_000 }, () => pool.put(bytesOf(10, 2)));
      let scoped = 0;
      pool.scope((scope) => {
        for (let i = 0; i < 50_000; i++) scoped = scope.put(bytesOf(10, 3));
      });
      expect((await tables()) - before).toBeGreaterThan(2 * 2 ** 16 * 20);
      for (const handle of burst) pool.free(handle);
      pool.collect();
      pool.trim();
      expect(pool.check()).toEqual([]);
      const { size } = seen;
      for (const handle of [...burst, scoped]) seen.add(handle);
      expect(seen.size).toBe(size + burst.length + 1);
      for (const handle of [burst[0]!, burst.at(-1)!, scoped]) {
        thrownBy(() => pool.get(handle), 'ERR_SUPERSLAB_STALE');
      }
    }
    expect((await tables()) - before).toBeLessThan(MIB);
    expect(pool.get(kept).equals(bytesOf(10, 1))).toBe(true);
    thrownBy(() => pool.get([...seen][0]!), 'ERR_SUPERSLAB_STALE');
  });

  test('leave whole chunks behind when they end here and there', () => {
    using pool = open({ young: 16 * MIB, promotion: { youngToOld: 1 } });
    const handles = putMany(pool, 60_000, 200);
    pool.collect();
    const before = pool.generations().old.heldBytes;
    handles.forEach((handle, i) => {
      if (i % 4 !== 0) pool.free(handle);
    });
    pool.collect();
    pool.trim();
    const { old } = pool.generations();
    expect(old.values).toBe(15_000);
    expect(old.heldBytes).toBeLessThanOrEqual(before / 3);
    expect(pool.stats().committedBytes).toBeLessThan(1.2 * old.liveBytes + 4 * MIB);
    handles.forEach((handle, i) => {
      if (i % 4 === 0) expect(pool.get(handle).equals(bytesOf(200, i))).toBe(true);
    });
    expect(pool.check()).toEqual([]);
  });

  test('survive that the program takes their ArrayBuffer away', () => {
    using pool = open();
    const handle = pool.put(bytesOf(100));
    const other = pool.scope((scope) => {
      const own = scope.put(bytesOf(50));
      try {
        structuredClone(pool.get(own), { transfer: [pool.get(own).buffer as ArrayBuffer] });
        structuredClone(pool.get(handle), { transfer: [pool.get(handle).buffer as ArrayBuffer] });
      } catch {
        return scope.promote(own); // Newer versions of Node.js do not let it happen.
      }
      return scope.promote(own);
    });
    pool.collect();
    expect(pool.get(handle).equals(bytesOf(100))).toBe(true);
    expect(pool.get(other).equals(bytesOf(50))).toBe(true);
    expect(pool.get(pool.put(bytesOf(10))).equals(bytesOf(10))).toBe(true);
  });
});

describe('handles', () => {
  test('are stale once the value was freed, however often the slot was used since', () => {
    using pool = open();
    const old = pool.put(bytesOf(5));
    pool.free(old);
    const act = [
      () => pool.get(old),
      () => pool.length(old),
      () => pool.pin(old),
      () => pool.unpin(old),
      () => pool.copyTo(old, Buffer.alloc(9)),
      () => pool.scope((scope) => scope.promote(old)),
    ];
    for (let i = 0; i < 3; i++) {
      for (const stale of act) {
        const { message } = thrownBy(stale, 'ERR_SUPERSLAB_STALE');
        for (const part of [`${old}`, `"${pool.name}"`, 'stale', 'SUPERSLAB_LEAK_DETECTION=full'])
          expect(message).toContain(part);
      }
      expect(pool.owns(old)).toBe(false);
      thrownBy(() => pool.get(-old), 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => pool.free(old), 'ERR_SUPERSLAB_RELEASED');
      const next = pool.put(bytesOf(5));
      expect(next).not.toBe(old);
      if (i < 2) pool.free(next);
    }
    expect(pool.generations().young.values).toBe(1);
  });

  test('that are stale tell both stacks with full leak detection', () => {
    using pool = open({ leakDetection: 'full' });
    const handle = (function puts() {
      return pool.put(bytesOf(5));
    })();
    (function frees() {
      pool.free(handle);
    })();
    const error = thrownBy(() => pool.get(handle), 'ERR_SUPERSLAB_STALE');
    expect(error).toMatchObject({
      pool: pool.name,
      size: 5,
      acquired: expect.stringContaining('puts'),
      released: expect.stringContaining('frees'),
    });
    expect(error.message).toMatch(/acquired\n.*puts[\s\S]*released\n.*frees[\s\S]*now$/);
    let inScope = 0;
    pool.scope(function within(scope) {
      inScope = scope.put(bytesOf(6));
    });
    const other = thrownBy(() => pool.get(inScope), 'ERR_SUPERSLAB_STALE');
    expect(other.message).toContain('promote()');
    expect(other).toMatchObject({
      size: 6,
      acquired: expect.stringContaining('within'),
      released: expect.stringContaining('generational-pool.test'),
    });
    expect(stats().misuse).toContainEqual(
      expect.objectContaining({ kind: 'used-after-release', pool: pool.name, size: 6 }),
    );
  });

  test('of another pool are none, in and out of scopes', () => {
    using one = open();
    using other = open();
    const handle = one.put(bytesOf(5));
    other.put(bytesOf(5));
    thrownBy(() => other.get(handle), 'ERR_SUPERSLAB_FOREIGN');
    one.scope((scope) => {
      const own = scope.put(bytesOf(5));
      thrownBy(() => other.get(own), 'ERR_SUPERSLAB_FOREIGN');
      other.scope((otherScope) => {
        otherScope.put(bytesOf(5));
        thrownBy(() => otherScope.promote(own), 'ERR_SUPERSLAB_FOREIGN');
      });
    });
    for (const no of [0, 1, 2 ** 25, 2 ** 53, Number.POSITIVE_INFINITY, '5', {}, undefined])
      thrownBy(() => one.get(no as number), 'ERR_SUPERSLAB_FOREIGN');
  });
});

describe('pins', () => {
  test('keep a value where it is, and its chunk', () => {
    using pool = open({ promotion: { youngToOld: 1 } });
    const handles = putMany(pool, 100, 1000);
    const pinned = handles[50]!;
    const view = pool.pin(pinned);
    pool.pin(pinned);
    for (let i = 0; i < 3; i++) pool.collect();
    expect(view.equals(bytesOf(1000, 50))).toBe(true);
    expect(pool.get(pinned).byteOffset).toBe(view.byteOffset);
    const { message } = thrownBy(() => pool.free(pinned), 'ERR_SUPERSLAB_ARGUMENT');
    expect(message).toContain('pinned 2 times');
    pool.unpin(pinned);
    pool.unpin(pinned);
    thrownBy(() => pool.unpin(pinned), 'ERR_SUPERSLAB_ARGUMENT');
    const before = pool.generations().old.heldBytes;
    pool.collect();
    expect(pool.generations().old.heldBytes).toBeLessThan(before);
    expect(pool.get(pinned).equals(bytesOf(1000, 50))).toBe(true);
    for (const handle of handles) pool.free(handle);
    expect(pool.check()).toEqual([]);
  });
});

describe('scopes', () => {
  test('end what was put through them, and keep what was promoted', () => {
    using pool = open();
    let dead = 0;
    const kept = pool.scope((scope) => {
      const handles = Array.from({ length: 1000 }, (_, i) => scope.put(bytesOf(100, i)));
      dead = handles[3]!;
      expect(pool.generations().scopes.values).toBe(1000);
      expect(pool.get(dead).equals(bytesOf(100, 3))).toBe(true);
      return scope.promote(handles[7]!);
    });
    expect(pool.get(kept).equals(bytesOf(100, 7))).toBe(true);
    thrownBy(() => pool.get(dead), 'ERR_SUPERSLAB_STALE');
    expect(pool.generations()).toMatchObject({ young: { values: 1 }, scopes: { values: 0, liveBytes: 0 } });
    pool.scope((scope) => scope.put(bytesOf(100)));
    thrownBy(() => pool.get(dead), 'ERR_SUPERSLAB_STALE');
    expect(pool.scope((scope) => scope.promote(kept))).toBe(kept);
  });

  test('count as a collection for what they promote', () => {
    using pool = open();
    const promoted = pool.scope((scope) => scope.promote(scope.put(bytesOf(100))));
    pool.put(bytesOf(100));
    pool.collect();
    expect(pool.generations()).toMatchObject({ young: { values: 1 }, old: { values: 1 } });
    expect(pool.get(promoted).equals(bytesOf(100))).toBe(true);
  });

  test('take memory once', () => {
    using pool = open();
    const run = () =>
      pool.scope((scope) => {
        for (let i = 0; i < 1000; i++) scope.put(bytesOf(100));
        scope.put(bytesOf(3 * CHUNK));
      });
    run();
    const { acquires } = pool.stats();
    for (let i = 0; i < 20; i++) run();
    expect(pool.stats().acquires).toBe(acquires);
    pool.trim();
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('lie within each other; a put through an outer one keeps what the inner one made', () => {
    using pool = open();
    let late: ValueScope | undefined;
    pool.scope((outer) => {
      const first = outer.put(bytesOf(1));
      const inner = pool.scope((scope) => {
        late = scope;
        return scope.put(bytesOf(2));
      });
      thrownBy(() => pool.get(inner), 'ERR_SUPERSLAB_STALE');
      thrownBy(() => late!.put(bytesOf(2)), 'ERR_SUPERSLAB_CLOSED');
      const [one, other, third] = pool.scope((scope) => {
        const before = scope.put(bytesOf(3));
        const through = pool.scope(() => outer.put(bytesOf(4)));
        return [before, through, scope.put(bytesOf(5))];
      });
      for (const [handle, length] of [
        [first, 1],
        [one, 3],
        [other, 4],
        [third, 5],
      ] as const)
        expect(pool.get(handle!).equals(bytesOf(length))).toBe(true);
    });
    expect(pool.generations().scopes).toMatchObject({ values: 0, liveBytes: 0 });
  });

  test('end when their function throws', () => {
    using pool = open();
    let handle = 0;
    expect(() =>
      pool.scope((scope) => {
        handle = scope.put(bytesOf(10));
        throw new Error('enough');
      }),
    ).toThrow('enough');
    thrownBy(() => pool.get(handle), 'ERR_SUPERSLAB_STALE');
    pool.collect();
  });

  test('are not asynchronous', async () => {
    using pool = open();
    let isCalled = false;
    const { message } = thrownBy(
      () =>
        pool.scope(async () => {
          isCalled = true;
        }),
      'ERR_SUPERSLAB_ARGUMENT',
    );
    expect(message).toContain('async');
    expect(isCalled).toBe(false);
    const later: unknown[] = [];
    thrownBy(
      () =>
        pool.scope((scope) => {
          scope.put(bytesOf(5));
          return Promise.resolve().then(() => {
            try {
              scope.put(bytesOf(5));
            } catch (error) {
              later.push(error);
            }
          });
        }),
      'ERR_SUPERSLAB_ARGUMENT',
    );
    await null;
    await null;
    expect(later).toMatchObject([{ code: 'ERR_SUPERSLAB_CLOSED' }]);
    thrownBy(() => pool.scope('text' as never), 'ERR_SUPERSLAB_ARGUMENT');
    expect(pool.generations().scopes.values).toBe(0);
  });

  test('may not collect; a scope that was cut off does not keep the program from it', async () => {
    using pool = open();
    pool.scope((scope) => {
      const handle = scope.put(bytesOf(10));
      thrownBy(() => pool.collect(), 'ERR_SUPERSLAB_ARGUMENT');
      expect(pool.get(handle).equals(bytesOf(10))).toBe(true);
    });
    await null;
    expect(pool.collect()).toBe(true);
  });

  test('of a pool that is closed within keep their values until they end', () => {
    const pool = open();
    pool.scope((scope) => {
      const handle = scope.put(bytesOf(10));
      pool.close();
      expect(pool.get(handle).equals(bytesOf(10))).toBe(true);
      thrownBy(() => scope.put(bytesOf(10)), 'ERR_SUPERSLAB_CLOSED');
      thrownBy(() => scope.promote(handle), 'ERR_SUPERSLAB_CLOSED');
    });
    thrownBy(() => pool.scope(() => {}), 'ERR_SUPERSLAB_CLOSED');
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, committedBytes: 0 });
  });

  test('refuse to pin what ends with them', () => {
    using pool = open();
    pool.scope((scope) => {
      const handle = scope.put(bytesOf(10));
      thrownBy(() => pool.pin(handle), 'ERR_SUPERSLAB_ARGUMENT');
      pool.free(handle);
      thrownBy(() => pool.get(handle), 'ERR_SUPERSLAB_STALE');
      thrownBy(() => pool.free(handle), 'ERR_SUPERSLAB_RELEASED');
    });
  });
});

describe('a collection', () => {
  test('goes in steps, and tells how far it is', () => {
    using pool = open({ young: 16 * MIB });
    const handles = putMany(pool, 20_000);
    const told: [number, number][] = [];
    let steps = 1;
    while (!pool.collect({ budgetMs: 0, onProgress: (done, count) => told.push([done, count]) })) {
      steps++;
      // The program goes on between the steps.
      if (steps % 10 === 0) {
        pool.free(handles.shift()!);
        handles.push(pool.put(bytesOf(50)));
        expect(pool.check()).toEqual([]);
      }
    }
    expect(steps).toBeGreaterThan(100);
    expect(told.length).toBeGreaterThan(3);
    const [done, count] = told.at(-1)!;
    expect(done).toBe(count);
    for (const [i, [one]] of told.slice(1).entries()) expect(one).toBeGreaterThanOrEqual(told[i]![0]);
    expect(pool.generations().collections).toBe(1);
  });

  test('may not be begun by its callback, which may do all else', () => {
    using pool = open({ young: 16 * MIB });
    const handles = putMany(pool, 20_000);
    let calls = 0;
    pool.collect({
      onProgress: () => {
        calls++;
        thrownBy(() => pool.collect(), 'ERR_SUPERSLAB_ARGUMENT');
        for (const handle of handles.splice(0, 1000)) pool.free(handle);
        handles.push(pool.put(bytesOf(40)));
        pool.trim();
        expect(pool.check()).toEqual([]);
      },
    });
    expect(calls).toBeGreaterThan(2);
    expect(() =>
      pool.collect({
        onProgress: () => {
          throw new Error('enough');
        },
      }),
    ).toThrow('enough');
    expect(pool.collect()).toBe(true);
    expect(pool.generations().young.values + pool.generations().old.values).toBe(handles.length);
  });

  test('ends when its callback closes the pool', () => {
    const pool = open({ young: 16 * MIB });
    const handles = putMany(pool, 20_000);
    pool.collect({ onProgress: () => pool.close() });
    expect(pool.check()).toEqual([]);
    thrownBy(() => pool.collect(), 'ERR_SUPERSLAB_CLOSED');
    for (const [i, handle] of handles.entries()) {
      expect(pool.get(handle).equals(bytesOf(100, i))).toBe(true);
      pool.free(handle);
    }
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, committedBytes: 0 });
  });

  test('leaves values where they are when there is no room to move them to', () => {
    using pool = open({ maxBytes: 3 * CHUNK });
    const handles: number[] = [];
    try {
      for (;;) handles.push(pool.put(bytesOf(1000, handles.length)));
    } catch {}
    expect(pool.collect()).toBe(true);
    expect(pool.generations()).toMatchObject({ young: { values: 0 }, old: { values: handles.length } });
    handles.forEach((handle, i) => {
      expect(pool.get(handle).equals(bytesOf(1000, i))).toBe(true);
    });
    expect(pool.check()).toEqual([]);
  });

  test('meets subscribers that free and put while it takes memory', () => {
    using pool = open({ promotion: { youngToOld: 1 } });
    const handles = putMany(pool, 200, 1000);
    const expected = new Map(handles.map((handle, i) => [handle, i]));
    const listener = ({ pool: name }: { pool: string }) => {
      if (name !== pool.name) return;
      for (const handle of [...expected.keys()].slice(0, 40)) {
        pool.free(handle);
        expected.delete(handle);
      }
      expected.set(pool.put(bytesOf(1000, 7)), 7);
    };
    subscribe('superslab:pool:grow', listener as never);
    try {
      pool.trim();
      for (let i = 0; i < 3; i++) pool.collect();
    } finally {
      unsubscribe('superslab:pool:grow', listener as never);
    }
    for (const [handle, seed] of expected) expect(pool.get(handle).equals(bytesOf(1000, seed))).toBe(true);
    expect(pool.check()).toEqual([]);
  });

  test.for([
    [{ budget: 1 }, 'did you mean "budgetMs"?'],
    [{ budgetMs: -1 }, 'budgetMs'],
    [{ budgetMs: '1' }, 'budgetMs'],
    [{ onProgress: 1 }, 'onProgress'],
    [5, 'object'],
  ] as const)('with %j is refused', ([options, said]) => {
    using pool = open();
    expect(thrownBy(() => pool.collect(options as never), 'ERR_SUPERSLAB_OPTION').message).toContain(said);
  });
});

describe('what has ended', () => {
  test.for([
    [{ zero: 'release' }, 0],
    [{ guard: 'poison' }, 0xdb],
  ] as const)('is overwritten with %j', ([options, byte]) => {
    using pool = open(options);
    const all = (view: Buffer) => view.every((one) => one === byte);
    const [one, other] = putMany(pool, 2);
    const freed = pool.get(one!);
    const moved = pool.get(other!);
    pool.free(one!);
    expect(all(freed)).toBe(true);
    pool.collect();
    expect(all(moved.subarray(0, 64))).toBe(true);
    const views: Buffer[] = [];
    pool.scope((scope) => {
      for (let i = 0; i < 500; i++) views.push(pool.get(scope.put(bytesOf(100, i))));
    });
    expect(views.every(all)).toBe(true);
    expect(pool.get(other!).equals(bytesOf(100, 1))).toBe(true);
  });

  test('comes back by itself after a rest', () => {
    using pool = open();
    const { openCores } = internal<{ openCores: Map<number, { heapId: number; tick(): boolean }> }>(
      'pool/cores',
    );
    const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    for (const handle of putMany(pool, 10)) pool.free(handle);
    pool.scope((scope) => scope.put(bytesOf(10)));
    core.tick();
    core.tick();
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

test('a pool that nobody has any more gives everything back', async () => {
  const { heapId, name } = (() => {
    const pool = open({ name: 'dropped with values' });
    putMany(pool, 100, 1000);
    const figures = pool.stats();
    return { heapId: figures.heapId, name: pool.name };
  })();
  const { openCores, closingCores } = internal<{
    openCores: Map<number, { heapId: number }>;
    closingCores: Set<{ heapId: number }>;
  }>('pool/cores');
  const isThere = () => [...openCores.values(), ...closingCores].some((core) => core.heapId === heapId);
  expect(isThere()).toBe(true);
  await collect(() => !isThere());
  expect(stats().pools.some((pool) => pool.name === name)).toBe(false);
});

test('putAsync() waits for room, and puts at once where there is some', async () => {
  using pool = open({ maxBytes: 2 * CHUNK });
  const small = await pool.putAsync(bytesOf(100));
  const large = await pool.putAsync(thing);
  const waiting = pool.putAsync(thing);
  expect(pool.stats().waiting).toBe(1);
  pool.free(large);
  const handle = await waiting;
  expect(pool.get(handle).equals(thing)).toBe(true);
  await rejectedBy(pool.putAsync('text' as never), 'ERR_SUPERSLAB_ARGUMENT');
  await rejectedBy(pool.putAsync(thing, { signl: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  const more = putMany(pool, 290, 100);
  const second = pool.putAsync(bytesOf(3000));
  pool.free(handle);
  expect(pool.get(await second).equals(bytesOf(3000))).toBe(true);
  for (const one of [...more, small]) pool.free(one);
  expect(pool.check()).toEqual([]);
});

test('the report tells of generations', () => {
  using pool = open();
  putMany(pool, 3);
  const report = pool.report();
  for (const part of ['young: 3 values', 'old: 0 values', 'permanent', 'scopes', 'collections']) {
    expect(report).toContain(part);
  }
  expect(pool.chunkBytes).toBe(CHUNK);
});

test('values of a BufferPool can be put and released', () => {
  using pool = open();
  using buf = BufferPool.default.from('text');
  const handle = pool.put(buf);
  expect(pool.get(handle).toString()).toBe('text');
});
