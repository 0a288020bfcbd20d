// One acquire..release span: references, misuse, and views that outlive it.

import { BufferPool, PooledBuffer } from 'superslab';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { thrownBy } from './support/expect-error.js';

const pool = new BufferPool({ name: 'lease' });
afterAll(() => pool.close());
afterEach(() => expect(pool.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0 }));

type Constructor = new (...args: unknown[]) => PooledBuffer;

describe('references', () => {
  test('retain is paired with release', () => {
    const buf = pool.acquire(100);
    expect([buf.refs, buf.released]).toEqual([1, false]);
    expect(buf.retain()).toBe(buf);
    expect(buf.retain().refs).toBe(3);
    buf.release();
    expect([buf.refs, buf.released]).toEqual([2, false]);
    buf.release();
    expect([buf.refs, buf.released]).toEqual([1, false]);
    buf.release();
    expect([buf.refs, buf.released]).toEqual([0, true]);
    thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('retain after release throws', () => {
    const buf = pool.acquire(100);
    buf.release();
    thrownBy(() => buf.retain(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('capacity is 0 once released', () => {
    const buf = pool.acquire(100);
    expect(buf.capacity).toBe(blockBytes(100));
    buf.retain();
    expect(buf.capacity).toBe(blockBytes(100));
    buf.release();
    buf.release();
    expect(buf.capacity).toBe(0);
  });

  test('a retained large buffer stays', () => {
    const buf = pool.acquire(3 << 20);
    buf.retain();
    buf.release();
    expect(pool.stats().inUseBytes).toBeGreaterThanOrEqual(3 << 20);
    buf.release();
  });

  test('Symbol.dispose releases once and then does nothing', () => {
    const buf = pool.acquire(100);
    buf[Symbol.dispose]();
    expect(buf.released).toBe(true);
    buf[Symbol.dispose]();
  });

  test('Symbol.dispose gives back one of several references', () => {
    const buf = pool.acquire(100).retain();
    buf[Symbol.dispose]();
    expect(buf.refs).toBe(1);
    buf[Symbol.dispose]();
    expect(buf.refs).toBe(0);
  });

  test('Symbol.dispose does nothing to an empty buffer that was released', () => {
    const buf = pool.acquire(0);
    buf[Symbol.dispose]();
    buf[Symbol.dispose]();
    expect(buf.released).toBe(true);
  });
});

describe('double release', () => {
  test.for([1, 100, 100_000, 3 << 20])('of %i bytes throws and harms nothing', (size) => {
    const buf = pool.acquire(size);
    buf.release();
    const error = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(error.message).toContain(`${size} B`);
    thrownBy(() => pool.release(buf), 'ERR_SUPERSLAB_RELEASED');
    const [a, b] = pool.acquireMany(size, 2) as [PooledBuffer, PooledBuffer];
    expect(a.buffer === b.buffer && a.byteOffset === b.byteOffset).toBe(false);
    pool.releaseMany([a, b]);
  });

  test('is caught when the block is leased to somebody else by now', () => {
    const stale = pool.acquire(100);
    stale.release();
    const current = pool.acquire(100);
    expect(current.byteOffset).toBe(stale.byteOffset);
    thrownBy(() => stale.release(), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => pool.share(stale), 'ERR_SUPERSLAB_RELEASED');
    expect([current.released, current.refs]).toEqual([false, 1]);
    current.release();
  });

  test('is caught for each of many leases of one block', () => {
    const stale: PooledBuffer[] = [];
    for (let i = 0; i < 100; i++) {
      const buf = pool.acquire(100);
      buf.release();
      stale.push(buf);
    }
    for (const buf of stale) thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test.for([
    ['the default pool', BufferPool.default],
    ['another pool', pool],
  ] as const)('is caught by each way to release, in %s', ([, from]) => {
    const ways = [(buf: PooledBuffer) => buf.release(), (buf: PooledBuffer) => from.release(buf)];
    for (const first of ways) {
      for (const second of [...ways, (buf: PooledBuffer) => pool.release(buf)]) {
        const buf = from.acquire(100);
        first(buf);
        thrownBy(() => second(buf), 'ERR_SUPERSLAB_RELEASED');
        const [a, b] = from.acquireMany(100, 2) as [PooledBuffer, PooledBuffer];
        expect(a.buffer === b.buffer && a.byteOffset === b.byteOffset).toBe(false);
        from.releaseMany([a, b]);
      }
    }
  });

  test('names the pool', () => {
    const buf = pool.acquire(1500);
    buf.release();
    expect(() => buf.release()).toThrow('(1500 B, pool "lease") that was already released');
  });
});

describe('what is no lease', () => {
  test('a slice cannot be released, and the message says which to use', () => {
    const buf = pool.acquire(100);
    const error = thrownBy(() => pool.release(buf.subarray(1)), 'ERR_SUPERSLAB_FOREIGN');
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('99 B');
    expect(error.message).toContain('use the buffer that acquire() returned');
    buf.release();
  });

  test.for<[string, unknown]>([
    ['a Buffer', Buffer.alloc(10)],
    ['a Uint8Array', new Uint8Array(10)],
    ['null', null],
    ['undefined', undefined],
    ['a string', 'abc'],
    ['a number', 5],
    ['an object', { length: 1 }],
    ['an object without a prototype', Object.create(null)],
  ])('%s is foreign to release, share and owns', ([, thing]) => {
    thrownBy(() => pool.release(thing as Buffer), 'ERR_SUPERSLAB_FOREIGN');
    thrownBy(() => pool.share(thing as PooledBuffer), 'ERR_SUPERSLAB_FOREIGN');
    expect(pool.owns(thing as Buffer)).toBe(false);
  });

  test('and what throws when it is looked at: the error is ours', () => {
    const boom = () => {
      throw new Error('its own');
    };
    const trap = new Proxy({}, { get: boom, has: boom, getPrototypeOf: boom, ownKeys: boom });
    const bytes = new Proxy(Buffer.alloc(3), { get: boom, getPrototypeOf: boom });
    const getters = { get: boom };
    const own = {
      constructor: getters,
      length: getters,
      byteLength: getters,
      byteOffset: getters,
      buffer: getters,
    };
    const buf = pool.acquire(10);
    const view = Object.defineProperties(buf.subarray(1), own);
    const nameless = Object.defineProperty(() => {}, 'name', getters);
    const things = [trap, bytes, Object.defineProperties({}, own), nameless, Object.create(null), view];
    for (const thing of [...things, Object.defineProperties(Buffer.alloc(9), own)]) {
      thrownBy(() => pool.release(thing as Buffer), 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => pool.share(thing as PooledBuffer), 'ERR_SUPERSLAB_FOREIGN');
      expect(pool.owns(thing as Buffer)).toBe(false);
    }
    buf.release();
  });

  test('an object with the right prototype only is foreign', () => {
    for (const fake of [
      Object.create(PooledBuffer.prototype) as PooledBuffer,
      Reflect.construct(Uint8Array, [8], PooledBuffer) as PooledBuffer,
      Object.setPrototypeOf(Buffer.alloc(8), PooledBuffer.prototype) as PooledBuffer,
    ]) {
      thrownBy(() => pool.release(fake), 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => fake.release(), 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => fake.retain(), 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => pool.share(fake), 'ERR_SUPERSLAB_FOREIGN');
      expect(pool.owns(fake)).toBe(false);
    }
  });

  test('methods borrowed for a plain Buffer throw', () => {
    const plain = Buffer.alloc(8) as unknown as PooledBuffer;
    thrownBy(() => PooledBuffer.prototype.release.call(plain), 'ERR_SUPERSLAB_FOREIGN');
    thrownBy(() => PooledBuffer.prototype.retain.call(plain), 'ERR_SUPERSLAB_FOREIGN');
    thrownBy(() => PooledBuffer.prototype[Symbol.dispose].call(plain), 'ERR_SUPERSLAB_FOREIGN');
    for (const name of ['refs', 'released', 'capacity'] as const) {
      thrownBy(() => PooledBuffer.prototype[name], 'ERR_SUPERSLAB_FOREIGN');
      thrownBy(() => Reflect.get(PooledBuffer.prototype, name, plain), 'ERR_SUPERSLAB_FOREIGN');
    }
  });

  test('what users construct over pool memory is inert', () => {
    const buf = pool.acquire(100);
    const made = new (PooledBuffer as unknown as Constructor)(buf.buffer, buf.byteOffset, buf.length);
    expect([made.refs, made.released, made.capacity]).toEqual([0, true, 0]);
    expect(pool.owns(made)).toBe(false);
    thrownBy(() => made.release(), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => made.retain(), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => pool.share(made), 'ERR_SUPERSLAB_RELEASED');
    buf.release();
  });

  test('what users construct of memory of its own is inert', () => {
    const made = new (PooledBuffer as unknown as Constructor)(16);
    expect([made.length, made.released]).toEqual([16, true]);
    thrownBy(() => pool.release(made), 'ERR_SUPERSLAB_RELEASED');
  });
});

describe('after release', () => {
  test('stale views read and write without a crash', () => {
    const buf = pool.acquire(1000).fill(7);
    const view = buf.subarray(0, 10);
    buf.release();
    view[0] = 1;
    expect(view.length).toBe(10);
    expect(buf.length).toBe(1000);
    expect(buf.toString('latin1', 1, 3)).toBe('\x07\x07');
  });

  test.for([1000, 100_000, 5 << 20])(
    'stale views of %i bytes read zeros after trim, and after close',
    (size) => {
      const own = new BufferPool();
      const buf = own.acquire(size).fill(7);
      const view = buf.subarray(0);
      buf.release();
      expect(own.trim()).toBeGreaterThan(0);
      expect(view.every((byte) => byte === 0)).toBe(true);
      own.close();
      expect(view.every((byte) => byte === 0)).toBe(true);
      view[0] = 1;
    },
  );
});
