// Records that other threads read while their own thread puts them, closes the pool, or ends.
import { stats } from 'superslab';
import { array, bytes, RecordPool, record } from 'superslab/pools';
import { afterEach, describe, expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';
import { endWorkers, startWorker } from '../support/worker.js';

afterEach(endWorkers);

const unwatched = { leakDetection: 'off', guard: 'off' } as const;
const Point = record({ x: 'f64', y: 'f64' });
const Row = record({ seq: 'u32', triple: 'f64', at: Point, marks: array('u16', 3), text: bytes(40) });

/** Each field follows from `seq`, so that a mix of two records is seen. */
const WRITE = `(entry, seq) => {
  entry.seq = seq;
  entry.triple = seq * 3;
  entry.at.x = seq + 0.5;
  entry.at.y = -seq;
  entry.marks.fill(seq & 0xffff);
  entry.text.fill(seq & 255);
}`;
const write = new Function(`return ${WRITE}`)() as (entry: object, seq: number) => void;

/** What is wrong with a record as it was read; undefined when all is right. */
const READ = `(entry, seq) => {
  const seen = [entry.seq, entry.triple, entry.at.x, entry.at.y, entry.marks[2], entry.text[0], entry.text[39]];
  const right = [seq, seq * 3, seq + 0.5, -seq, seq & 0xffff, seq & 255, seq & 255];
  if (entry.released) return undefined;
  return seen.every((value, i) => Object.is(value, right[i])) ? undefined : String(seen) + ' for ' + seq;
}`;

const ROW = `superslab2.record({ seq: 'u32', triple: 'f64', at: superslab2.record({ x: 'f64', y: 'f64' }),
  marks: superslab2.array('u16', 3), text: superslab2.bytes(40) })`;

describe('a pool that is opened by its name', () => {
  test('shows the same memory', () => {
    using pool = new RecordPool(Row, { ...unwatched, name: 'rows', columns: ['seq', 'triple'] });
    using reader = RecordPool.open('rows', Row);
    using entry = pool.get();
    write(entry, 7);
    const seen = reader.at(pool.handle(entry));
    expect(JSON.parse(JSON.stringify(seen))).toEqual(JSON.parse(JSON.stringify(entry)));
    entry.triple = 5;
    expect(seen.triple).toBe(5);
    expect(seen.released).toBe(false);
    const { message } = thrownBy(() => {
      (seen as { triple: number }).triple = 4;
    }, 'ERR_SUPERSLAB_ARGUMENT');
    for (const part of ['"triple"', 'only the thread']) expect(message).toContain(part);
  });

  test('notices that a record was put, and that its slot is lent again', () => {
    using pool = new RecordPool(Row, { ...unwatched, name: 'noticed' });
    using reader = RecordPool.open('noticed');
    const entry = pool.get();
    const handle = pool.handle(entry);
    const seen = reader.at(handle) as unknown as {
      seq: number;
      at: { x: number };
      text: Buffer;
      released: boolean;
    };
    const { at } = seen;
    pool.put(entry);
    expect(seen.released).toBe(true);
    for (const use of [() => seen.seq, () => at.x, () => seen.text, () => reader.at(handle)]) {
      expect(thrownBy(use, 'ERR_SUPERSLAB_STALE').message).toContain('"noticed"');
    }
    expect(reader.tryAt(handle)).toBeUndefined();
    using again = pool.get();
    thrownBy(() => seen.seq, 'ERR_SUPERSLAB_STALE');
    expect(reader.tryAt(pool.handle(again))).toBeDefined();
  });

  test('has memory wherever its chunks go', () => {
    const layout = record({ value: 'f64', rest: bytes(100) });
    using pool = new RecordPool(layout, { ...unwatched, name: 'moved' });
    using reader = RecordPool.open('moved', layout);
    const others: { close(): void }[] = [];
    for (let round = 0; round < 20; round++) {
      const entries = Array.from({ length: 3000 }, () => pool.get());
      entries.forEach((entry, i) => {
        entry.value = i + round;
      });
      const seen = entries.map((entry) => reader.at(pool.handle(entry)));
      expect(seen.every((entry, i) => entry.value === i + round)).toBe(true);
      for (const entry of entries) pool.put(entry);
      pool.trim();
      // Has the memory from now on, so that the chunks have to go elsewhere.
      const other = new RecordPool(layout, { ...unwatched, name: 'in their place' });
      others.push(other);
      for (let i = 0; i < 3000; i++) other.get().value = -1;
      expect(seen.every((entry) => entry.released)).toBe(true);
    }
    for (const other of others) other.close();
  });

  test('must be there, alone, and of that layout', () => {
    expect(thrownBy(() => RecordPool.open('nobody'), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('"nobody"');
    thrownBy(() => RecordPool.open(7 as never), 'ERR_SUPERSLAB_ARGUMENT');
    using _ = new RecordPool(Row, { name: 'twins' });
    {
      using __ = new RecordPool(Row, { name: 'twins' });
      expect(thrownBy(() => RecordPool.open('twins'), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('2 pools');
    }
    const { message } = thrownBy(() => RecordPool.open('twins', Point), 'ERR_SUPERSLAB_ARGUMENT');
    for (const part of ['"twins"', 'another layout', '"seq"', '"x"']) expect(message).toContain(part);
  });

  test('ends for its readers when it is closed and has everything back', () => {
    const pool = new RecordPool(Row, { ...unwatched, name: 'ending' });
    const reader = RecordPool.open('ending', Row);
    const entry = pool.get();
    write(entry, 3);
    const handle = pool.handle(entry);
    pool.close();
    expect(reader.ended).toBe(false);
    expect(reader.at(handle).seq).toBe(3);
    pool.put(entry);
    expect(reader.ended).toBe(true);
    thrownBy(() => reader.at(handle), 'ERR_SUPERSLAB_STALE');
    thrownBy(() => RecordPool.open('ending'), 'ERR_SUPERSLAB_ARGUMENT');
    reader.close();
    expect(thrownBy(() => reader.at(handle), 'ERR_SUPERSLAB_CLOSED').message).toContain('"ending"');
  });
});

describe('in other threads', () => {
  const OPEN = `const superslab2 = await import('superslab/pools');
    state.reader = superslab2.RecordPool.open('shared rows', ${ROW});`;

  test('two read while the owner gets and puts', async () => {
    using pool = new RecordPool(Row, { ...unwatched, name: 'shared rows' });
    const workers = [await startWorker(), await startWorker()];
    // Handles, and what their records say: the newest first of a ring that the owner overwrites.
    const RING = 256;
    const ring = new Float64Array(new SharedArrayBuffer(RING * 16));
    const stop = new Int32Array(new SharedArrayBuffer(4));
    for (const worker of workers) await worker.run(OPEN);
    const results = workers.map((worker) =>
      worker.run(
        `const { ring, stop } = argument;
         const read = ${READ};
         let [fresh, stale] = [0, 0];
         for (let i = 0; Atomics.load(stop, 0) === 0; i = (i + 1) % ${RING}) {
           const handle = ring[2 * i];
           const seq = ring[2 * i + 1];
           if (handle === 0 || ring[2 * i] !== handle) continue;
           try {
             const entry = state.reader.at(handle);
             const wrong = read(entry, seq);
             // The pair itself may have been half of an older and half of a newer one.
             if (wrong !== undefined && ring[2 * i] === handle && ring[2 * i + 1] === seq) return wrong;
             fresh++;
           } catch (error) {
             if (error.code !== 'ERR_SUPERSLAB_STALE') throw error;
             stale++;
           }
         }
         return { fresh, stale };`,
        { ring, stop },
      ),
    );
    const live = Array.from({ length: RING }, () => pool.get());
    const until = Date.now() + 1500;
    for (let seq = 1; Date.now() < until; seq++) {
      for (let i = 0; i < RING; i++) {
        pool.put(live[i]!);
        const entry = pool.get();
        write(entry, seq * RING + i);
        live[i] = entry;
        ring[2 * i] = 0;
        ring[2 * i + 1] = seq * RING + i;
        ring[2 * i] = pool.handle(entry);
      }
      if (seq % 50 === 0) {
        for (const entry of live.splice(0)) pool.put(entry);
        pool.trim();
        for (let i = 0; i < RING; i++) live.push(pool.get());
      }
      await new Promise(setImmediate);
    }
    Atomics.store(stop, 0, 1);
    for (const result of await Promise.all(results)) {
      expect(result).toEqual({ fresh: expect.any(Number), stale: expect.any(Number) });
      expect(result.fresh).toBeGreaterThan(100);
    }
    for (const entry of live) pool.put(entry);
    expect(pool.check()).toEqual([]);
  });

  test('one reads while the owner dies', async () => {
    for (let round = 0; round < 5; round++) {
      const worker = await startWorker();
      const handles: number[] = await worker.run(
        `const superslab2 = await import('superslab/pools');
         const write = ${WRITE};
         const options = { name: 'dying rows', leakDetection: 'off', guard: 'off' };
         state.pool = new superslab2.RecordPool(${ROW}, options);
         state.live = Array.from({ length: 2000 }, () => state.pool.get());
         state.live.forEach(write);
         return state.live.map((entry) => state.pool.handle(entry));`,
      );
      using reader = RecordPool.open('dying rows', Row);
      const seen = handles.map((handle) => reader.at(handle));
      expect(seen.every((entry, i) => entry.seq === i && entry.at.y === -i)).toBe(true);
      const ended = worker.terminate();
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      const others: RecordPool<(typeof Row)['fields']>[] = [];
      while (!isOver) {
        seen.forEach((entry, i) => {
          try {
            const { seq } = entry;
            if (seq !== i) throw new Error(`${seq} for ${i}`);
          } catch (error) {
            if ((error as { code?: string }).code !== 'ERR_SUPERSLAB_STALE') throw error;
          }
        });
        await new Promise(setImmediate);
      }
      expect(reader.ended).toBe(true);
      // Its memory is others' now.
      for (let i = 0; i < 4; i++) {
        const pool = new RecordPool(Row, unwatched);
        for (let k = 0; k < 1000; k++) write(pool.get(), 77);
        others.push(pool);
      }
      for (const entry of seen) thrownBy(() => entry.seq, 'ERR_SUPERSLAB_STALE');
      for (const pool of others) pool.close();
    }
  });

  test('records of a thread that was terminated are leaks of its pool, each one', async () => {
    const worker = await startWorker();
    await worker.run(
      `const superslab2 = await import('superslab/pools');
       state.pool = new superslab2.RecordPool(${ROW}, { name: 'lost rows', leakDetection: 'full', guard: 'off' });
       state.live = Array.from({ length: 37 }, () => state.pool.get());
       for (const entry of state.live.splice(0, 7)) state.pool.put(entry);`,
    );
    const own = stats().pools.find(({ name }) => name === 'lost rows')!;
    expect(own.inUseBytes).toBe(30 * own.classes[0]!.blockBytes);
    await worker.terminate();
    const sites = () => stats().leaks.filter(({ pool }) => pool === 'lost rows');
    await expect.poll(sites).toMatchObject([{ reason: 'threadEnded', count: 30 }]);
  });

  test('a thread that ends by itself says where its records were taken', async () => {
    const worker = await startWorker();
    await worker.run(
      `const superslab2 = await import('superslab/pools');
       state.pool = new superslab2.RecordPool(${ROW}, { name: 'left rows', leakDetection: 'full', guard: 'off' });
       const one = function takesOne() { return state.pool.get(); };
       const two = function takesTwo() { return [state.pool.get(), state.pool.get()]; };
       state.live = [one(), two(), state.pool.put(one())];`,
    );
    const own = stats().pools.find(({ name }) => name === 'left rows')!;
    worker.start('process.exit(0)');
    const sites = () => stats().leaks.filter(({ pool }) => pool === 'left rows');
    await expect.poll(() => sites().length).toBe(3);
    for (const name of ['takesOne', 'takesTwo']) {
      expect(sites().filter(({ stack }) => stack.includes(name))).toMatchObject(
        name === 'takesOne' ? [{ count: 1 }] : [{ count: 1 }, { count: 1 }],
      );
    }
    const bytes = sites().reduce((sum, site) => sum + site.bytes, 0);
    expect(bytes).toBe(3 * own.classes[0]!.blockBytes);
    expect(sites().every(({ reason }) => reason === 'threadEnded')).toBe(true);
  });
});
