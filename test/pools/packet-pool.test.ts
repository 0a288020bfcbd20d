// PacketPool keeps the contract of every pool, and what it does beyond that.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Packet, PacketPool } from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { collect } from '../support/collect.js';
import { DirectFile } from '../support/direct-read.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { watchesAll } from '../support/watching.js';
import { conformance } from './conformance.js';
import { blockBytes, expectWhole, HEADROOM, letters, open, ROOM, SIZE, unwatched } from './packets.js';

conformance<PacketPool, Packet>({
  name: 'PacketPool',
  open: (options) => new PacketPool({ size: SIZE, ...options }),
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, packet) => pool.free(packet as Packet),
  wait: (pool, signal) => pool.getAsync(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (packet) => !packet.released,
  overlap: (one, other) => overlap(one.base, other.base),
  lendsAgain: !watchesAll,
  strangers: (packet) => [packet.base, packet.view(), Object.create(packet), { ...packet }],
  lent: ({ inUseBytes }) => inUseBytes / blockBytes,
  wrongOptions: [
    [{ size: 0 }, 'size', '1 to 2097152', 'got 0'],
    [{ size: 100 }, 'headroom', '100', '128'],
    [{ size: 100, headroom: 60, tailroom: 40 }, 'leave room', '60 and 40'],
    [{ align: 3 }, 'align', 'a power of two', '3'],
    [{ align: 1 << 22 }, 'align', '2097152'],
    [{ headroom: -1 }, 'headroom', '-1'],
    [{ tailroom: '1' }, 'tailroom', '"1"'],
    [{ headrom: 1 }, '"headrom"', 'did you mean "headroom"?'],
    [{ max: 2, initial: 3 }, 'initial of PacketPool()', 'at most max, 2', 'got 3'],
    [{ maxBytes: 1 }, '"maxBytes"'],
    [{ zero: 'nevr' }, '"zero"', '"nevr"', 'did you mean "never"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).PacketPool({ size: 1 << 20, ...OPTIONS })",
    take: 'pool.get()',
    give: 'pool.free(thing)',
  },
});

describe('packets again', () => {
  test.skipIf(watchesAll)('are the same objects', () => {
    using pool = open();
    const packets = [pool.get(), pool.get()];
    packets[0]!.context = 'mine';
    pool.freeBulk(packets);
    const again = [pool.get(), pool.get()];
    expect(new Set(again)).toEqual(new Set(packets));
    for (const packet of again) expect(packet.context).toBeUndefined();
    const clone = again[0]!.clone();
    clone.release();
    expect(again[1]!.clone()).toBe(clone);
    clone.release();
    pool.freeBulk(again);
    expectWhole(pool);
  });

  test('cannot be used once they are released', () => {
    using pool = open();
    const packet = pool.from('abc');
    const other = pool.from('def');
    packet.release();
    for (const act of [
      () => packet.push(1),
      () => packet.pull(1),
      () => packet.put(1),
      () => packet.trim(1),
      () => packet.reserve(1),
      () => packet.length,
      () => packet.headroom,
      () => packet.tailroom,
      () => packet.segments,
      () => packet.shared,
      () => packet.base,
      () => packet.offset,
      () => packet.context,
      () => packet.view(),
      () => packet.peek(0, 0),
      () => packet.iovec(),
      () => packet.clone(),
      () => packet.copy(),
      () => packet.slice(),
      () => packet.split(0),
      () => packet.append(other),
      () => other.append(packet),
      () => packet.linearize(),
      () => packet.writeTo(process.stdout),
    ]) {
      expect(thrownBy(act, 'ERR_SUPERSLAB_RELEASED').message).toContain('"packets"');
    }
    packet[Symbol.dispose]();
    expect([packet.released, other.released, String(packet)]).toEqual([true, false, '[a released packet]']);
    other.release();
    expectWhole(pool);
  });

  test('show themselves', async () => {
    const { inspect } = await import('node:util');
    using pool = open();
    const packet = pool.from('abc').append(pool.from('d'));
    expect(inspect(packet)).toBe('<Packet 4 B in 2 segments>');
    packet.release();
    expect(inspect(packet)).toBe('<Packet (released)>');
  });

  test('are made by a pool alone', () => {
    using pool = open();
    using packet = pool.get();
    const { constructor: Handle } = Object.getPrototypeOf(packet) as {
      constructor: new (part: unknown) => Packet;
    };
    thrownBy(() => new Handle({}), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('are fresh objects under a guard, so that late use is always found', () => {
    using pool = open({ guard: 'poison' });
    const packet = pool.get();
    const clone = packet.clone();
    packet.release();
    clone.release();
    using _ = pool.get().append(pool.get());
    for (const late of [packet, clone]) thrownBy(() => late.put(1), 'ERR_SUPERSLAB_RELEASED');
  });

  test('report what was written behind them', () => {
    using pool = open({ size: 100, guard: 'canary' });
    const packet = pool.get();
    new Uint8Array(packet.base.buffer)[packet.base.byteOffset + 101] = 1;
    const clone = packet.clone();
    packet.release();
    thrownBy(() => clone.release(), 'ERR_SUPERSLAB_OVERFLOW');
    expect(clone.released).toBe(true);
    expectWhole(pool);
  });

  test('with a guard that detaches have no bytes once the last is released', () => {
    using pool = open({ guard: 'detach' });
    const packet = pool.from('abc');
    const clone = packet.clone();
    const view = packet.view();
    packet.release();
    expect(view).toHaveLength(3);
    clone.release();
    expect(view).toHaveLength(0);
  });

  test.for(['acquire', 'release'] as const)('zero: %s clears them', (zero) => {
    using pool = open({ zero });
    for (let i = 0; i < 3; i++) {
      const packet = pool.get();
      expect(packet.base.every((byte) => byte === 0)).toBe(true);
      packet.base.fill(7);
      const clone = packet.clone();
      packet.release();
      clone.release();
    }
    expectWhole(pool);
  });
});

describe('many at once', () => {
  test('come and go', () => {
    using pool = open({ initial: 64 });
    const into: Packet[] = [];
    const before = pool.stats().acquires;
    expect(pool.getBulk(64, into)).toBe(into);
    expect(new Set(into).size).toBe(64);
    for (const packet of into) expect(packet).toMatchObject({ length: 0, headroom: HEADROOM });
    expect(pool.stats()).toMatchObject({ acquires: before + 64, inUseBytes: 64 * blockBytes });
    pool.freeBulk(into);
    for (const packet of into) expect(packet.released).toBe(true);
    expectWhole(pool);
  });

  test('are all given or none, all taken or none', () => {
    using pool = open({ max: 6 });
    using other = open({ name: 'others' });
    const gone = pool.get();
    const packets = pool.getBulk(4);
    thrownBy(() => pool.getBulk(2, []), 'ERR_SUPERSLAB_EXHAUSTED');
    gone.release();
    for (const [wrong, code] of [
      [[...packets, gone], 'ERR_SUPERSLAB_RELEASED'],
      [[...packets, packets[2]!], 'ERR_SUPERSLAB_RELEASED'],
      [[...packets, {}], 'ERR_SUPERSLAB_FOREIGN'],
      [[packets[0]!, undefined], 'ERR_SUPERSLAB_FOREIGN'],
    ] as const) {
      thrownBy(() => pool.freeBulk(wrong as unknown as Packet[]), code);
      for (const packet of packets) expect(pool.owns(packet)).toBe(true);
      expect(pool.check()).toEqual([]);
    }
    pool.freeBulk([
      ...packets.splice(0),
      other.get(),
      other.get().append(other.get()),
      other.attach(Buffer.alloc(1)),
    ]);
    expectWhole(pool);
    expectWhole(other);
    for (const count of [-1, 1.5, '1'])
      thrownBy(() => pool.getBulk(count as number), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.getBulk(1, {} as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.freeBulk(new Set() as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('see no code of the program in the midst of it', () => {
    using pool = open({ ...unwatched, initial: 8 });
    const [spare, ...packets] = pool.getBulk(5) as [Packet, ...Packet[]];
    const taken: Packet[] = [];
    const array = new Proxy(packets, {
      get(target, key, receiver) {
        if (key === '2' && taken.length === 0) {
          taken.push(pool.get());
          spare.release();
          taken.push(packets[0]!.clone());
        }
        return Reflect.get(target, key, receiver);
      },
    });
    pool.freeBulk(array);
    for (const packet of taken) expect(pool.owns(packet)).toBe(true);
    taken.pop()!.release();
    const again = pool.getBulk(7);
    expect(new Set([...again, ...taken]).size).toBe(8);
    pool.freeBulk([...again, ...taken]);
    expectWhole(pool);
  });
});

describe('from()', () => {
  test('copies text, bytes and ArrayBuffers', () => {
    using pool = open();
    for (const data of ['aé', Buffer.from('aé'), new Uint8Array(Buffer.from('aé')).buffer]) {
      using packet = pool.from(data);
      expect(String(packet)).toBe('aé');
    }
    using hex = pool.from('ff', 'hex');
    expect(hex.view()).toEqual(Buffer.of(255));
    thrownBy(() => pool.from(1 as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.from('a', 'utf-9' as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('takes all segments or none', () => {
    using pool = open({ max: 2 });
    thrownBy(() => pool.from(letters(3 * SIZE)), 'ERR_SUPERSLAB_EXHAUSTED');
    expectWhole(pool);
    using packet = pool.from(letters(ROOM + SIZE));
    expect(packet.segments).toBe(2);
    thrownBy(() => packet.copy(), 'ERR_SUPERSLAB_EXHAUSTED');
  });
});

test('who waits is served by the release of the last clone', async () => {
  using pool = open({ max: 1 });
  const packet = pool.get();
  const clone = packet.clone();
  const waiting = pool.getAsync();
  packet.release();
  await new Promise(setImmediate);
  expect(pool.stats().waiting).toBe(1);
  clone.release();
  pool.free(await waiting);
  await rejectedBy(pool.getAsync({ timeout: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  await expect(pool.getAsync({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  expectWhole(pool);
});

test('a pool that is closed gets everything back, clones and chains too', () => {
  const pool = open();
  const packet = pool.from(letters(600));
  const clone = packet.clone();
  const writer = pool.writer().write('a');
  pool.close();
  thrownBy(() => packet.copy(), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.attach(Buffer.alloc(1)), 'ERR_SUPERSLAB_CLOSED');
  packet.release();
  expect(String(clone)).toBe(letters(600).toString());
  clone.release();
  writer.release();
  expectWhole(pool);
  expect(pool.stats().committedBytes).toBe(0);
});

test.skipIf(watchesAll)('idle packets go after a rest, but for those that the pool began with', () => {
  using pool = open({ initial: 3, purgeDelayMs: 60_000 });
  const { openCores } = internal<{ openCores: Map<number, { heapId: number; tick(): boolean }> }>(
    'pool/cores',
  );
  const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
  pool.freeBulk(pool.getBulk(10));
  core.tick();
  expect(pool.stats().cachedBytes).toBeGreaterThanOrEqual(10 * blockBytes);
  core.tick();
  expect(pool.stats().cachedBytes).toBe(3 * blockBytes);
  const packet = pool.get();
  packet.release();
  pool.trim();
  expect(pool.stats()).toMatchObject({ cachedBytes: 0, committedBytes: 0 });
  thrownBy(() => packet.release(), 'ERR_SUPERSLAB_RELEASED');
  expectWhole(pool);
});

describe('subscribers that do anything', () => {
  const LARGE = 2 << 20;
  /** Each packet of it takes memory from the operating system. */
  const openLarge = () => open({ ...unwatched, size: LARGE });

  /** Calls `act` when the pool takes memory, the first time, while `use` runs. */
  function whileGrowing(act: () => void, use: () => void): void {
    let told = 0;
    const listener = () => {
      if (told++ === 0) act();
    };
    subscribe('superslab:pool:grow', listener);
    try {
      use();
    } finally {
      unsubscribe('superslab:pool:grow', listener);
    }
    expect(told).toBeGreaterThan(0);
  }

  test('a packet that is released while it is copied is copied all the same', () => {
    using pool = openLarge();
    const packet = pool.from('a').append(pool.from('b'));
    const other = pool.attach(Buffer.from('c'));
    packet.append(other);
    let copy: Packet | undefined;
    whileGrowing(
      () => packet.release(),
      () => {
        copy = packet.copy();
      },
    );
    expect([String(copy), packet.released]).toEqual(['abc', true]);
    copy!.release();
    const single = pool.from('a');
    pool.trim();
    whileGrowing(
      () => single.release(),
      () => thrownBy(() => single.copy(), 'ERR_SUPERSLAB_RELEASED'),
    );
    const changed = pool.from('abc');
    pool.trim();
    whileGrowing(
      () => changed.pull(1),
      () => {
        copy = changed.copy();
      },
    );
    expect(String(copy)).toBe('bc');
    pool.freeBulk([changed, copy!]);
    expectWhole(pool);
  });

  test('a packet that is released while it is linearized', () => {
    using pool = openLarge();
    const packet = pool.from('a').append(pool.from('b'));
    const clone = packet.clone();
    whileGrowing(
      () => packet.release(),
      () => thrownBy(() => packet.linearize(), 'ERR_SUPERSLAB_RELEASED'),
    );
    expect(String(clone)).toBe('ab');
    clone.release();
    expectWhole(pool);
  });

  test('a writer that is finished while it writes', () => {
    using pool = openLarge();
    const writer = pool.writer().write('ab');
    const finished: Packet[] = [];
    whileGrowing(
      () => {
        finished.push(writer.finish());
        writer.write('other');
      },
      () => thrownBy(() => writer.bytes(Buffer.alloc(LARGE, 'c')), 'ERR_SUPERSLAB_ARGUMENT'),
    );
    finished.push(writer.finish());
    expect(finished.map((packet) => packet.length)).toEqual([LARGE - HEADROOM, 5]);
    expect(String(finished[1])).toBe('other');
    pool.freeBulk(finished);
    expectWhole(pool);
  });
});

describe('leaks', () => {
  test('of a clone, and of a packet in a chain, are told with the stack of who got the memory', async () => {
    using pool = open({ leakDetection: 'full', guard: 'off' });
    const found: { stack: string }[] = [];
    pool.on('leak', (leak) => found.push(leak));
    (function forgetful() {
      const packet = pool.get();
      packet.clone();
      packet.release();
      pool.get().append(pool.get());
    })();
    await collect(() => found.length === 3);
    for (const { stack } of found) expect(stack).toContain('forgetful');
    expectWhole(pool);
  });

  test('of samples are found, whatever is idle', async () => {
    using pool = open({ max: 3, initial: 3, leakDetection: 'sampled', guard: 'off' });
    const found: unknown[] = [];
    pool.on('leak', (leak) => found.push(leak));
    let forgotten = 0;
    (function use() {
      for (let i = 0; i < 20_000; i++) {
        const packet = pool.get();
        // A watched one has an ArrayBuffer of its own.
        const isWatched = packet.base.buffer.byteLength < 2 * SIZE;
        const clone = packet.clone();
        packet.release();
        if (isWatched && forgotten < 2) forgotten++;
        else clone.release();
      }
    })();
    expect(forgotten).toBeGreaterThan(0);
    await collect(() => found.length === forgotten);
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, collectedBlocks: forgotten });
    expect(pool.check()).toEqual([]);
  });
});

test('check() finds an idle packet that is none', () => {
  using pool = open({ ...unwatched, initial: 4, name: 'books' });
  const { openCores } = internal<{
    openCores: Map<number, { heapId: number; magazines: { idle: Uint32Array } }>;
  }>('pool/cores');
  const { idle } = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!.magazines;
  const tag = idle.findIndex((depth) => depth > 0);
  idle[tag]! += 1;
  expect(thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT').message).toContain('"books"');
  idle[tag]! -= 1;
  expect(pool.check()).toEqual([]);
});

test.for([4096, 65_536, 2 << 20])('aligned segments are taken by O_DIRECT: align %i', (align, { skip }) => {
  using file = new DirectFile();
  if (!file.isStrict) skip('this file system takes any address');
  using pool = new PacketPool({ size: 8192, headroom: 4096, align, max: 6 });
  const packets = pool.getBulk(6);
  for (const packet of packets) {
    // The whole segment, and what lies behind its headroom.
    expect(file.read(packet.base.subarray(0, 4096))).toBeUndefined();
    expect(file.read(packet.base.subarray(packet.offset, packet.offset + 4096))).toBeUndefined();
    expect(packet.put(2).view().toString()).toBe('xx');
  }
  pool.freeBulk(packets);
});
