// RecordPool keeps the contract of every pool, and what it does beyond that.
import { inspect } from 'node:util';
import { BufferPool } from 'superslab';
import {
  array,
  bytes,
  type Fields,
  type RecordEntry,
  type RecordLayout,
  RecordPool,
  type RecordPoolOptions,
  record,
} from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { childJson } from '../support/child.js';
import { collect } from '../support/collect.js';
import { DirectFile } from '../support/direct-read.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { watchesAll } from '../support/watching.js';
import { conformance } from './conformance.js';

const Page = record({ id: 'u32', data: bytes(1500) });
type PageEntry = RecordEntry<(typeof Page)['fields']>;

/** What the figures of a pool say when one record is lent. */
const recordBytes = (() => {
  using pool = new RecordPool(Page);
  const entry = pool.get();
  const { inUseBytes } = pool.stats();
  pool.put(entry);
  return inUseBytes;
})();

conformance<RecordPool<(typeof Page)['fields']>, PageEntry>({
  name: 'RecordPool',
  open: (options) => new RecordPool(Page, options),
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, entry) => pool.put(entry as PageEntry),
  wait: (pool, signal) => pool.getAsync(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (entry) => !entry.released,
  overlap: (one, other) => overlap(one.data, other.data),
  lendsAgain: !watchesAll,
  strangers: (entry) => [entry.data, { ...entry }, Object.create(entry), BufferPool.default],
  lent: ({ inUseBytes }) => inUseBytes / recordBytes,
  wrongOptions: [
    [{ maxx: 1 }, '"maxx"', 'did you mean "max"?'],
    [{ max: -1 }, 'max', '-1'],
    [{ max: 2 ** 24 + 1 }, 'max', '16777216'],
    [{ maxBytes: 1 }, '"maxBytes"'],
    [{ onExhausted: 'fallback' }, '"onExhausted"'],
    [{ max: 2, initial: 3 }, 'initial', 'at most max, 2', 'got 3'],
    [{ columns: 'id' }, 'columns', '"id"'],
    [{ columns: ['idd'] }, '"idd"', 'did you mean "id"?'],
    [{ columns: ['data'] }, '"data"', 'no number'],
    [{ columns: ['id', 'id'] }, '"id" twice'],
    [{ align: 24 }, 'align', 'a power of two up to 4096', '24'],
    [{ align: 8192 }, 'align', '4096', '8192'],
    [{ align: '64' }, 'align', '"64"'],
    [{ checked: 1 }, 'checked', 'true or false'],
    [{ init: 1 }, 'init', 'a function'],
    [{ cleanup: {} }, 'cleanup', 'a function'],
    [{ zero: 'nevr' }, '"zero"', '"nevr"', 'did you mean "never"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    // What prints is compiled before memory runs out, which V8 would not survive.
    open:
      "(process.stdout.write(''), await import('superslab/pools')" +
      '.then((p) => new p.RecordPool(p.record({ data: p.bytes(2 << 20) }), OPTIONS)))',
    take: 'pool.get()',
    give: 'pool.put(thing)',
  },
});

const unwatched = { leakDetection: 'off', guard: 'off' } as const;
const Log = record({ time: 'f64', level: 'u8', host: 'u32', length: 'u16', message: bytes(50) });
type LogFields = (typeof Log)['fields'];
const logs = (options: RecordPoolOptions<LogFields, 'time' | 'level' | 'host' | 'length'> = {}) =>
  new RecordPool(Log, { ...unwatched, ...options });

describe('layouts', () => {
  test('lay fields out as C does', () => {
    const Inner = record({ a: 'u8', b: 'u32' });
    const layout = record({
      a: 'u8',
      b: 'f64',
      c: bytes(3),
      d: 'u16',
      e: Inner,
      f: array(Inner, 2),
      g: 'bool',
    });
    expect(layout.placed.map(({ name, offset, bytes: size }) => [name, offset, size])).toEqual([
      ['a', 0, 1],
      ['b', 8, 8],
      ['c', 16, 3],
      ['d', 20, 2],
      ['e', 24, 8],
      ['f', 32, 16],
      ['g', 48, 1],
    ]);
    expect([layout.bytes, layout.align]).toEqual([56, 8]);
  });

  const wrong: [what: () => unknown, ...said: string[]][] = [
    [() => record({ time: 'f46' as 'f64' }), '"time"', '"f46"', 'did you mean "f64"?'],
    [() => record({ time: {} as 'f64' }), '"time"', 'an instance of Object', 'bytes()'],
    [() => record({ time: { kind: 'bytes', length: 8 } }), '"time"', 'unknown type'],
    [() => record({ 'a b': 'u8' }), '"a b"', 'identifier'],
    [() => record({ 0: 'u8' } as never), '"0"', 'identifier'],
    [() => record({ release: 'u8' }), '"release"'],
    [() => record({ toString: 'u8' } as never), '"toString"'],
    [
      () =>
        record([
          ['a', 'u8'],
          ['a', 'u16'],
        ]),
      '"a" is there twice',
    ],
    [() => record([['a']] as never), '"a"', 'undefined'],
    [() => record([1] as never), 'got 1'],
    [() => record({}), 'at least one'],
    [() => record(null as never), 'null'],
    [() => record({ a: bytes(2 ** 21), b: 'u8' }), '2097152', '2097153'],
    [() => bytes(0), '0'],
    [() => bytes('8' as never), '"8"'],
    [() => array('u8', 1.5), '1.5'],
    [() => array('u9' as 'u8', 2), '"u9"', 'array()'],
    [() => new RecordPool({ fields: {} } as never), 'an instance of Object'],
  ];
  test.for(wrong)('%s is refused', ([act, ...said]) => {
    const { message } = thrownBy(act, 'ERR_SUPERSLAB_ARGUMENT');
    for (const part of said) expect(message).toContain(part);
  });

  test('of one byte and of 2 MiB', () => {
    for (const layout of [record({ a: 'u8' }), record({ a: bytes(2 ** 21) })] as RecordLayout<Fields>[]) {
      using pool = new RecordPool(layout, { max: 3 });
      const entries = [pool.get(), pool.get(), pool.get()];
      thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
      for (const entry of entries) pool.put(entry);
      expect(pool.check()).toEqual([]);
    }
  });
});

describe('entries', () => {
  test('are lent again with their memory', () => {
    using pool = logs();
    const entry = pool.get();
    entry.host = 7;
    pool.put(entry);
    expect(pool.get()).toBe(entry);
    expect(entry.host).toBe(7);
    pool.put(entry);
  });

  test('show their fields while they are lent', () => {
    using pool = new RecordPool(record({ a: 'u8', flag: 'bool', at: record({ x: 'f32' }) }), {
      zero: 'acquire',
    });
    const entry = pool.get();
    entry.flag = true;
    expect(JSON.stringify(entry)).toBe('{"a":0,"flag":true,"at":{"x":0}}');
    expect(inspect(entry)).toBe('Record { a: 0, flag: true, at: Record { x: 0 } }');
    pool.put(entry);
    expect(inspect(entry)).toBe('<Record (released)>');
    thrownBy(() => entry.release(), 'ERR_SUPERSLAB_RELEASED');
    entry[Symbol.dispose](); // does nothing
  });

  test('wrap numbers as typed arrays do, or refuse them', () => {
    const layout = record({
      u8: 'u8',
      i16: 'i16',
      u32: 'u32',
      f32: 'f32',
      f64: 'f64',
      i64: 'i64',
      flag: 'bool',
    });
    using pool = new RecordPool(layout);
    using checked = new RecordPool(layout, { checked: true, columns: ['u8'] });
    using loose = pool.get();
    using strict = checked.get();
    loose.u8 = 257;
    loose.i16 = 40_000;
    loose.i64 = 2n ** 63n;
    expect([loose.u8, loose.i16, loose.i64]).toEqual([1, 40_000 - 65_536, -(2n ** 63n)]);
    for (const [name, value, range] of [
      ['u8', 256, 'from 0 to 255'],
      ['u8', 1.5, 'whole'],
      ['u8', '1', 'whole'],
      ['i16', -32_769, '-32768'],
      ['u32', -1, '4294967295'],
      ['f32', 1e39, '32 bits'],
      ['f64', '1', 'a number'],
      ['i64', 1, 'bigint'],
      ['i64', 2n ** 63n, '9223372036854775807'],
      ['flag', 1, 'true or false'],
    ] as const) {
      const error = thrownBy(() => {
        (strict as object as Record<string, unknown>)[name] = value;
      }, 'ERR_SUPERSLAB_ARGUMENT');
      expect(error).toBeInstanceOf(RangeError);
      for (const part of [`"${name}"`, range]) expect(error.message).toContain(part);
    }
    strict.u8 = 255;
    strict.f32 = Number.POSITIVE_INFINITY;
    expect([strict.u8, strict.f32]).toEqual([255, Number.POSITIVE_INFINITY]);
  });

  test('are prepared by hooks, which may throw', () => {
    const seen: string[] = [];
    let failing = '';
    const hook = (name: string) => (entry: RecordEntry<LogFields>) => {
      seen.push(`${name} ${entry.host}`);
      entry.host++;
      if (failing === name) throw new Error(name);
    };
    using pool = logs({ zero: 'acquire', max: 1, init: hook('init'), cleanup: hook('cleanup') });
    const entry = pool.get();
    pool.put(entry);
    expect(seen).toEqual(['init 0', 'cleanup 1']);
    failing = 'init';
    expect(() => pool.get()).toThrow('init');
    expect(pool.stats().inUseBytes).toBe(0);
    failing = 'cleanup';
    const again = pool.get();
    expect(() => pool.put(again)).toThrow('cleanup');
    expect(pool.stats().inUseBytes).toBe(0);
    expect(pool.check()).toEqual([]);
  });

  test('are prepared and cleaned up when they are warmed, too', () => {
    const seen: number[] = [];
    using _ = logs({ initial: 3, init: (entry) => (entry.host = 9), cleanup: ({ host }) => seen.push(host) });
    expect(seen).toEqual([9, 9, 9]);
  });

  test('may be put by their own cleanup, once', () => {
    let isWithin = false;
    using pool = logs({
      cleanup: (entry) => {
        if (isWithin) return;
        isWithin = true;
        pool.put(entry);
      },
    });
    const entry = pool.get();
    thrownBy(() => pool.put(entry), 'ERR_SUPERSLAB_RELEASED');
    expect(pool.stats().inUseBytes).toBe(0);
    expect(pool.check()).toEqual([]);
  });

  test('are cleared where they are secret', () => {
    using pool = logs({ sensitive: true, columns: ['host'] });
    const entry = pool.get();
    const { message } = entry;
    entry.host = 7;
    message.fill(1);
    pool.put(entry);
    expect(message.every((byte) => byte === 0)).toBe(true);
    expect(entry.host).toBe(0);
    expect(pool.check()).toEqual([]);
  });

  test('of another kind of pool are refused', () => {
    using pool = logs();
    using buf = BufferPool.default.acquire(10);
    thrownBy(() => pool.put(buf as never), 'ERR_SUPERSLAB_FOREIGN');
    expect(buf.released).toBe(false);
  });
});

describe('memory', () => {
  const { openCores } = internal<{ openCores: Map<number, { heapId: number; tick(): boolean }> }>(
    'pool/cores',
  );

  test('goes back after a rest, but for what the pool began with', () => {
    using pool = logs({ initial: 100, purgeDelayMs: 60_000 });
    const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    const before = pool.stats().chargedBytes;
    const entries = Array.from({ length: 10_000 }, () => pool.get());
    for (const entry of entries) pool.put(entry);
    core.tick(); // something was got since the last time
    expect(pool.stats().chargedBytes).toBeGreaterThan(before);
    core.tick();
    expect(pool.stats().chargedBytes).toBeLessThanOrEqual(before);
    expect(pool.check()).toEqual([]);
  });

  test('stays where a record is lent, and its old entries are nobody’s', () => {
    using pool = logs();
    const entries = Array.from({ length: 5000 }, () => pool.get());
    const kept = entries[4000]!;
    for (const entry of entries) if (entry !== kept) pool.put(entry);
    kept.host = 5;
    pool.trim();
    expect(kept.host).toBe(5);
    expect(pool.check()).toEqual([]);
    thrownBy(() => pool.put(entries[0]!), 'ERR_SUPERSLAB_RELEASED');
    const more = Array.from({ length: 5000 }, () => pool.get());
    // Its slot is lent again, with another entry.
    thrownBy(() => pool.put(entries[0]!), 'ERR_SUPERSLAB_RELEASED');
    for (const entry of [...more, kept]) pool.put(entry);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('is found to be wrong by check()', () => {
    const pool = logs({ name: 'books', initial: 4 });
    const cores = openCores as unknown as Map<
      number,
      { heapId: number; magazines: { records: Uint32Array } }
    >;
    const { records } = [...cores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!.magazines;
    records[1]! -= 1;
    expect(thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT').message).toContain('"books"');
    records[1]! += 1;
    expect(pool.check()).toEqual([]);
    pool.close();
  });
});

describe('handles', () => {
  test('name a lease until it ends', () => {
    using pool = logs({ name: 'handled' });
    const entry = pool.get();
    const handle = pool.handle(entry);
    expect(pool.at(handle)).toBe(entry);
    pool.put(entry);
    expect(pool.tryAt(handle)).toBeUndefined();
    const { message } = thrownBy(() => pool.at(handle), 'ERR_SUPERSLAB_STALE');
    for (const part of [`${handle}`, '"handled"', 'lease 1 of slot 0', 'free'])
      expect(message).toContain(part);
    thrownBy(() => pool.handle(entry), 'ERR_SUPERSLAB_RELEASED');
    expect(pool.get()).toBe(entry);
    expect(pool.handle(entry)).not.toBe(handle);
    expect(thrownBy(() => pool.at(handle), 'ERR_SUPERSLAB_STALE').message).toContain('lent to somebody else');
    pool.put(entry);
  });

  test('of another pool, and what is none', () => {
    using pool = logs({ name: 'one' });
    using other = logs({ name: 'other' });
    using entry = other.get();
    using _ = pool.get();
    const handle = other.handle(entry);
    expect(thrownBy(() => pool.at(handle), 'ERR_SUPERSLAB_FOREIGN').message).toContain('"one"');
    expect(pool.tryAt(handle)).toBeUndefined();
    expect(thrownBy(() => pool.handle(entry), 'ERR_SUPERSLAB_FOREIGN').message).toContain('"other"');
    thrownBy(() => pool.handle({} as never), 'ERR_SUPERSLAB_FOREIGN');
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 60, '1', undefined, null, 1n]) {
      const { message } = thrownBy(() => pool.at(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
      expect(message).toContain('handle');
      thrownBy(() => pool.tryAt(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
    }
  });

  test('stay right when chunks come and go', () => {
    using pool = new RecordPool(record({ value: 'f64' }), { ...unwatched });
    const live = new Map<number, number>();
    const stale: number[] = [];
    let next = 0;
    for (let round = 0; round < 60; round++) {
      while (live.size < 20_000) {
        const entry = pool.get();
        entry.value = next;
        live.set(pool.handle(entry), next++);
      }
      for (const handle of [...live.keys()]) {
        if (Math.imul(handle % 65_537, 40_503) % (round % 7 === 0 ? 1 : 3) !== 0) continue;
        pool.put(pool.at(handle));
        live.delete(handle);
        if (stale.length < 1000) stale.push(handle);
      }
      if (round % 5 === 0) pool.trim();
      for (const [handle, value] of live) if (pool.at(handle).value !== value) throw new Error(`${handle}`);
      for (const handle of stale) expect(pool.tryAt(handle)).toBeUndefined();
      expect(pool.check()).toEqual([]);
    }
    for (const handle of live.keys()) pool.put(pool.at(handle));
  });
});

describe('columns', () => {
  test('have the values of the records that are lent', () => {
    using pool = logs({ columns: ['time', 'level'] });
    const live = new Map<RecordEntry<LogFields>, number>();
    let next = 0;
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 3000; i++) {
        const entry = pool.get();
        entry.time = next;
        entry.level = next;
        entry.message[0] = next;
        live.set(entry, next++);
      }
      let i = 0;
      for (const entry of [...live.keys()]) {
        if (i++ % (round + 2) === 0) continue;
        pool.put(entry);
        live.delete(entry);
      }
      const wanted = [...live.values()].sort((a, b) => a - b);
      expect([...pool.column('time')].sort((a, b) => a - b)).toEqual(wanted);
      const seen: number[] = [];
      for (const { values, start, end } of pool.column('time').runs())
        seen.push(...values.subarray(start, end));
      expect(seen.sort((a, b) => a - b)).toEqual(wanted);
      for (const [entry, value] of live) expect([entry.time, entry.level]).toEqual([value, value & 255]);
    }
    expect([...pool.column('level')].length).toBe(live.size);
    for (const entry of live.keys()) pool.put(entry);
    expect([...pool.column('time')]).toEqual([]);
  });

  test('of flags have flags, and others are refused', () => {
    using pool = new RecordPool(record({ a: 'bool', b: 'u8' }), { name: 'flags', columns: ['a'] });
    using entry = pool.get();
    entry.a = true;
    expect([...pool.column('a')]).toEqual([true]);
    const { message } = thrownBy(() => pool.column('b' as 'a'), 'ERR_SUPERSLAB_ARGUMENT');
    for (const part of ['"flags"', '"b"', 'it has a']) expect(message).toContain(part);
  });

  test('may be all that a record has', () => {
    using pool = new RecordPool(record({ a: 'u8', b: 'f64' }), { columns: ['a', 'b'], max: 3 });
    const entries = [pool.get(), pool.get(), pool.get()];
    entries.forEach((entry, i) => {
      entry.a = i;
      entry.b = i / 2;
    });
    expect([...pool.column('b')]).toEqual([0, 0.5, 1]);
    for (const entry of entries) pool.put(entry);
  });
});

describe('a pool that watches', () => {
  test.for(['poison', 'canary', 'detach'] as const)('finds the use of what was put: guard %s', (guard) => {
    using pool = new RecordPool(record({ a: 'u8', at: record({ x: 'u8' }), data: bytes(10) }), { guard });
    const entry = pool.get();
    const { at } = entry;
    entry.a = 1;
    at.x = 1;
    pool.put(entry);
    for (const use of [() => entry.a, () => (entry.a = 2), () => at.x, () => entry.data]) {
      const error = thrownBy(use, 'ERR_SUPERSLAB_RELEASED');
      expect(error.message).toMatch(/released\n.*at /);
    }
    using other = pool.get();
    expect(other).not.toBe(entry);
    thrownBy(() => pool.put(entry), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => entry.a, 'ERR_SUPERSLAB_RELEASED');
  });

  test('finds what was written to a record that was put', () => {
    using pool = new RecordPool(Page, { guard: 'poison', name: 'late' });
    const found: string[] = [];
    pool.on('guard', ({ message }) => found.push(message));
    const entry = pool.get();
    const { data } = entry;
    pool.put(entry);
    data[3] = 7;
    expect(pool.check()).toMatchObject([{ kind: 'written-after-release', pool: 'late', offset: 7 }]);
    expect(pool.check()).toEqual([]);
    data[4] = 8;
    using _ = pool.get();
    expect(found).toHaveLength(2);
    expect(found[1]).toContain('08 ');
  });

  test('finds leaks of samples, and those alone that nobody can see', async () => {
    using pool = logs({ leakDetection: 'sampled', guard: 'off', name: 'sampled', max: 50_000 });
    const { owned } =
      internal<typeof import('../../lib/pools/record/owned-entry.js')>('pools/record/owned-entry');
    const found: unknown[] = [];
    pool.on('leak', (leak) => found.push(leak));
    const kept: unknown[] = [];
    let forgotten = 0;
    (function use() {
      for (let i = 0; i < 20_000; i++) {
        const entry = pool.get();
        const isSample = owned.holderOf(entry as never).quickShelf === undefined;
        if (!isSample || forgotten + kept.length > 3) pool.put(entry);
        else if (kept.length < 2) kept.push(entry.message);
        else forgotten++;
      }
    })();
    expect(forgotten).toBeGreaterThan(0);
    await collect(() => found.length === forgotten);
    expect(pool.stats().inUseBytes).toBe(kept.length * pool.stats().classes[0]!.blockBytes);
    expect(pool.check()).toEqual([]);
    kept.length = 0;
    await collect(() => found.length > forgotten + 1);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

test('who waits is served before who comes later', async () => {
  using pool = logs({ max: 1, init: (entry) => (entry.host = 3) });
  const entry = pool.get();
  const waiting = pool.getAsync();
  await null;
  pool.put(entry);
  thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
  const served = await waiting;
  expect(served.host).toBe(3);
  pool.put(served);
  await rejectedBy(pool.getAsync({ timeout: 1 } as never), 'ERR_SUPERSLAB_OPTION');
});

test('a limit is hard, whatever comes and goes', () => {
  using pool = logs({ max: 5000 });
  for (let round = 0; round < 5; round++) {
    const entries = Array.from({ length: 5000 }, () => pool.get());
    thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(pool.stats().inUseBytes).toBe(5000 * pool.stats().classes[0]!.blockBytes);
    entries.forEach((entry, i) => {
      if (i % 1000 !== round) pool.put(entry);
    });
    pool.trim();
    entries.forEach((entry, i) => {
      if (i % 1000 === round) pool.put(entry);
    });
    expect(pool.check()).toEqual([]);
  }
});

test('records leave no garbage', async () => {
  const bytesPerRound = await childJson(
    `import { getHeapStatistics } from 'node:v8';
     import { RecordPool, record } from 'superslab/pools';
     const pool = new RecordPool(record({ a: 'f64', b: 'u32' }), { leakDetection: 'off', guard: 'off' });
     const rounds = (n) => {
       for (let i = 0; i < n; i++) {
         const entry = pool.get();
         entry.a = i + 0.5;
         entry.b = i;
         pool.put(entry);
       }
     };
     for (let i = 0; i < 10; i++) rounds(100_000);
     gc();
     const before = getHeapStatistics().used_heap_size;
     rounds(5_000_000);
     console.log(JSON.stringify((getHeapStatistics().used_heap_size - before) / 5_000_000));`,
    { nodeArguments: ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'] },
  );
  expect(bytesPerRound).toBeLessThan(0.1);
});

describe('aligned records', () => {
  test.for([1, 16, 64, 4096])('begin at multiples: align %i', (align) => {
    const layout = record({ text: bytes(10), seq: 'u32' });
    using pool = new RecordPool(layout, { ...unwatched, align, columns: ['seq'], name: `aligned ${align}` });
    using reader = RecordPool.open(`aligned ${align}`, layout);
    const entries = Array.from({ length: 500 }, () => pool.get());
    entries.forEach((entry, i) => {
      entry.seq = i;
      entry.text.fill(i);
    });
    const seen = new Set<number>();
    entries.forEach((entry, i) => {
      // Windows begin at multiples of 64 KiB.
      expect(entry.text.byteOffset % align).toBe(0);
      seen.add(entry.text.byteOffset);
      expect([entry.seq, entry.text[9]]).toEqual([i, i & 255]);
      const read = reader.at(pool.handle(entry));
      expect([read.seq, read.text[0]]).toEqual([i, i & 255]);
    });
    expect(seen.size).toBeGreaterThan(1);
    expect(pool.check()).toEqual([]);
    for (const entry of entries) pool.put(entry);
  });

  test('of a few records take no more than they must', () => {
    const layout = record({ text: bytes(10) });
    using pool = new RecordPool(layout, { align: 4096, max: 3 });
    const entries = [pool.get(), pool.get(), pool.get()];
    for (const entry of entries) expect(entry.text.byteOffset % 4096).toBe(0);
    thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(pool.stats().maxBytes).toBe(3 * 4096);
    for (const entry of entries) pool.put(entry);
  });

  test('are taken by O_DIRECT', ({ skip }) => {
    using file = new DirectFile();
    if (!file.isStrict) skip('this file system takes any address');
    using pool = new RecordPool(record({ page: bytes(4096), id: 'u32' }), { align: 4096 });
    const entries = [pool.get(), pool.get(), pool.get()];
    for (const entry of entries) {
      expect(file.read(entry.page)).toBeUndefined();
      expect(entry.page.toString('latin1', 0, 2)).toBe('xx');
      pool.put(entry);
    }
  });

  test('need a field that is no column', () => {
    const layout = record({ a: 'u8', b: 'u8' });
    const { message } = thrownBy(
      () => new RecordPool(layout, { align: 64, columns: ['a', 'b'] }),
      'ERR_SUPERSLAB_OPTION',
    );
    expect(message).toContain('no column');
  });
});
