// Each error: its class, code, the value and the way out in its message, and a pool that goes on.
import { constants } from 'node:buffer';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BufferPool, type BufferPoolOptions, type PooledBuffer, type ShareToken } from 'superslab';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { isStamped, stamp } from './support/bytes.js';
import { rejectedBy, thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';

const { environment } = internal<typeof import('../lib/addon/environment.js')>('addon/environment');

/** Memory that somebody else has by now. */
function detached(memory: ArrayBuffer): ArrayBuffer {
  structuredClone(memory, { transfer: [memory] });
  return memory;
}

function detachedBytes(): Uint8Array {
  const memory = new ArrayBuffer(8);
  const bytes = new Uint8Array(memory);
  detached(memory);
  return bytes;
}

const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(length: number): void };

/** A view of memory that has become smaller than it. */
function shrunk(): Uint8Array {
  const memory = new Resizable(16, { maxByteLength: 16 });
  const bytes = new Uint8Array(memory, 8, 8);
  memory.resize(4);
  return bytes;
}

let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'errors', maxBytes: 1 << 20 });
});
afterEach(() => {
  // Whatever went wrong in a test, the pool works.
  if (!pool.closed) {
    const bufs = pool.acquireMany(1000, 50);
    bufs.forEach(stamp);
    expect(bufs.every(isStamped)).toBe(true);
    pool.releaseMany(bufs);
    expect(pool.stats().inUseBytes).toBe(0);
    pool.close();
  }
});

describe('ERR_SUPERSLAB_SIZE', () => {
  test.for<[number, string]>([
    [-1, '-1'],
    [-(2 ** 40), '-1099511627776'],
    [1.5, '1.5'],
    [0.1, '0.1'],
    [2 ** 31 + 0.5, '2147483648.5'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [2 ** 53, '9007199254740992'],
    [2 ** 32 + 1, '4294967297'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
  ])('is a RangeError for %d', async ([size, shown]) => {
    for (const act of [
      () => pool.acquire(size),
      () => pool.alloc(size),
      () => pool.acquireMany(size, 1),
      () => pool.scope(({ acquire }) => acquire(size)),
    ]) {
      const error = thrownBy(act, 'ERR_SUPERSLAB_SIZE');
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(`got ${shown}`);
      expect(error.message).toContain('a whole number of bytes from 0 to ');
    }
    await rejectedBy(pool.acquireAsync(size), 'ERR_SUPERSLAB_SIZE');
  });

  test.for<[string, unknown, string]>([
    ['a string', '100', '"100" (string)'],
    ['undefined', undefined, 'undefined (undefined)'],
    ['null', null, 'null (object)'],
    ['a boolean', true, 'true (boolean)'],
    ['an array', [5], 'an instance of Array (object)'],
    ['a Number object', new Number(5), 'an instance of Number (object)'],
    ['a function', () => 5, 'function (anonymous) (function)'],
    ['a bigint', 5n, '5n (bigint)'],
    ['a symbol', Symbol('s'), 'Symbol(s) (symbol)'],
    ['an object without a prototype', Object.create(null), 'an instance of Object (object)'],
  ])('is a TypeError for %s', async ([, size, shown]) => {
    const error = thrownBy(() => pool.acquire(size as number), 'ERR_SUPERSLAB_SIZE');
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(`got ${shown}`);
    thrownBy(() => pool.alloc(size as number), 'ERR_SUPERSLAB_SIZE');
    await rejectedBy(pool.acquireAsync(size as number), 'ERR_SUPERSLAB_SIZE');
  });

  test('names the limit that holds in this Node', () => {
    const limit = Math.min(constants.MAX_LENGTH, 2 ** 32);
    expect(thrownBy(() => pool.acquire(limit + 1), 'ERR_SUPERSLAB_SIZE').message).toContain(`to ${limit},`);
    thrownBy(() => pool.acquire(limit), 'ERR_SUPERSLAB_EXHAUSTED');
  });
});

describe('ERR_SUPERSLAB_ARGUMENT', () => {
  test.for<[string, (pool: BufferPool) => unknown, string]>([
    ['from() of a number', (p) => p.from(5 as never), '5'],
    ['from() of null', (p) => p.from(null as never), 'null'],
    ['from() of an array', (p) => p.from([1] as never), 'an instance of Array'],
    ['from() of another typed array', (p) => p.from(new Uint16Array(1) as never), 'Uint16Array'],
    ['from() of detached bytes', (p) => p.from(detachedBytes()), 'detached'],
    ['from() of a detached ArrayBuffer', (p) => p.from(detached(new ArrayBuffer(8))), 'detached'],
    ['from() of what shrank', (p) => p.from(shrunk()), 'resized'],
    ['from() of an unknown encoding', (p) => p.from('a', 'utf-9' as never), '"utf-9"'],
    ['acquireMany() of a fraction', (p) => p.acquireMany(10, 1.5), '1.5'],
    ['acquireMany() of a negative count', (p) => p.acquireMany(10, -1), '-1'],
    ['acquireMany() of no count', (p) => p.acquireMany(10, undefined as never), 'undefined'],
    ['releaseMany() of no iterable', (p) => p.releaseMany(5 as never), '5'],
    ['releaseMany() of nothing', (p) => p.releaseMany(undefined as never), 'undefined'],
    ['scope() without a function', (p) => p.scope('x' as never), '"x"'],
    ['trim() of a negative number', (p) => p.trim(-1), '-1'],
    ['trim() of NaN', (p) => p.trim(Number.NaN), 'NaN'],
    ['trim() of a string', (p) => p.trim('1m' as never), '"1m"'],
    ['close() of the default pool', () => BufferPool.default.close(), 'trim()'],
    ['dispose of the default pool', () => BufferPool.default[Symbol.dispose](), 'trim()'],
  ])('%s', ([, act, shown]) => {
    expect(thrownBy(() => act(pool), 'ERR_SUPERSLAB_ARGUMENT').message).toContain(shown);
  });

  test.each([
    ['grows', 600],
    ['shrinks', 20],
    ['loses its bytes', 0],
  ])('from() of what %s while it is copied', (_, length) => {
    const memory = new Resizable(500, { maxByteLength: 600 });
    const bytes = new Uint8Array(memory);
    const resize = () => memory.resize(length);
    subscribe('superslab:pool:grow', resize);
    try {
      const { message } = thrownBy(() => pool.from(bytes), 'ERR_SUPERSLAB_ARGUMENT');
      expect(message).toBe(
        'ERR_SUPERSLAB_ARGUMENT: from() cannot read an instance of Uint8Array: its memory was detached or resized',
      );
      expect(pool.stats()).toMatchObject({ acquires: 1, inUseBytes: 0 });
    } finally {
      unsubscribe('superslab:pool:grow', resize);
    }
  });

  test('an empty buffer cannot be shared', () => {
    const empty = pool.acquire(0);
    expect(thrownBy(() => pool.share(empty), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('no bytes');
    empty.release();
  });

  test('a fallback buffer cannot be shared', () => {
    const small = new BufferPool({ maxBytes: blockBytes(64), onExhausted: 'fallback' });
    const [inside, outside] = [small.acquire(64), small.acquire(64)];
    expect(thrownBy(() => small.share(outside), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('copy it');
    small.revoke(small.share(inside));
    small.releaseMany([inside, outside]);
    small.close();
  });
});

describe('ERR_SUPERSLAB_OPTION', () => {
  test.each([
    [{ signal: 5 }, 'signal of acquireAsync() must be an AbortSignal, got 5'],
    [{ signal: null }, 'signal of acquireAsync() must be an AbortSignal, got null'],
    [{ signl: undefined }, 'Unknown option "signl" of acquireAsync(): did you mean "signal"?'],
    [{ timeout: 5 }, 'Unknown option "timeout" of acquireAsync(): there is signal'],
    [5, 'acquireAsync() takes an object of options, got 5'],
    [null, 'acquireAsync() takes an object of options, got null'],
    [[], 'acquireAsync() takes an object of options, got an instance of Array'],
  ])('acquireAsync(10, %j)', async (options, message) => {
    const error = await rejectedBy(pool.acquireAsync(10, options as never), 'ERR_SUPERSLAB_OPTION');
    expect(error.message).toBe(`ERR_SUPERSLAB_OPTION: ${message}`);
    expect(error).toBeInstanceOf(TypeError);
  });

  test('an array is no object of options', () => {
    const error = thrownBy(() => new BufferPool([] as never), 'ERR_SUPERSLAB_OPTION');
    expect(error.message).toContain('options must be an object, got an instance of Array');
  });

  test.for<[string, unknown, string[]]>([
    ['a misspelled name', { hugepages: 'thp' }, ['Unknown option "hugepages": did you mean "hugePages"?']],
    ['another one', { maxbytes: 1 }, ['Unknown option "maxbytes": did you mean "maxBytes"?']],
    ['a name like none', { zzzzzzzz: 1 }, ['Unknown option "zzzzzzzz"', 'maxBytes', 'onExhausted']],
    ['what only the environment sets', { cacheBlocks: 1 }, ['SUPERSLAB_CACHE_BLOCKS']],
    ['a misspelled word', { zero: 'relase' }, ['"zero"', '"relase"', 'did you mean "release"?']],
    ['a word that is none', { populate: 'everything' }, ['"populate"', '"everything"', 'superslab']],
    ['a negative size', { maxBytes: -1 }, ['"maxBytes"', '-1', '64k']],
    ['a fraction', { maxBytes: 1.5 }, ['"maxBytes"', '1.5', 'whole number']],
    ['NaN', { maxBytes: Number.NaN }, ['"maxBytes"', 'NaN']],
    ['a malformed size', { maxBytes: '12q' }, ['"maxBytes"', '"12q"', '64k']],
    ['a boolean', { maxBytes: true }, ['"maxBytes"', 'true']],
    ['an object', { purgeDelayMs: {} }, ['"purgeDelayMs"', 'an instance of Object']],
    ['null', { zero: null }, ['"zero"', 'null']],
    ['too long a delay', { purgeDelayMs: 1e12 }, ['"purgeDelayMs"', 'out of range']],
    ['a node that is not there', { numa: 1000 }, ['"numa"', '1000']],
    ['a negative node', { numa: -1 }, ['"numa"', '-1']],
    ['an empty name', { name: '' }, ['name', '""']],
    ['a name that a terminal obeys', { name: 'a\u001b[31m' }, ['name', 'printable']],
    ['a name of two lines', { name: 'a\nb' }, ['name', 'printable']],
    ['a name that is no string', { name: 5 }, ['name', '5']],
    ['no object', 'fast', ['"fast"']],
    ['null for options', null, ['null']],
  ])('%s', ([, options, shown]) => {
    const error = thrownBy(() => new BufferPool(options as BufferPoolOptions), 'ERR_SUPERSLAB_OPTION');
    expect(error).toBeInstanceOf(TypeError);
    for (const part of shown) expect(error.message).toContain(part);
  });

  test('undefined is as if it were not there', () => {
    new BufferPool({ zero: undefined, maxBytes: undefined, name: undefined }).close();
  });

  test('sizes may be written with units', () => {
    const small = new BufferPool({ maxBytes: '64k' });
    expect(small.stats().maxBytes).toBe(65_536);
    small.close();
  });
});

describe('ERR_SUPERSLAB_CLOSED', () => {
  test('is what a closed pool answers, but for release, revoke, owns and stats', async () => {
    const [kept, shared] = pool.acquireMany(100, 2) as [PooledBuffer, PooledBuffer];
    const token = pool.share(shared);
    pool.close();
    expect(pool.closed).toBe(true);
    for (const act of [
      () => pool.acquire(10),
      () => pool.acquire(0),
      () => pool.alloc(10),
      () => pool.from('x'),
      () => pool.acquireMany(10, 1),
      () => pool.scope(({ acquire }) => acquire(10)),
      () => pool.adopt(token),
      () => pool.trim(),
    ]) {
      expect(thrownBy(act, 'ERR_SUPERSLAB_CLOSED').message).toContain('"errors"');
    }
    await rejectedBy(pool.acquireAsync(10), 'ERR_SUPERSLAB_CLOSED');
    expect(pool.owns(kept)).toBe(true);
    pool.revoke(token);
    pool.releaseMany([kept, shared]);
    expect(pool.stats()).toMatchObject({ closed: true, inUseBytes: 0 });
  });
});

describe('ERR_SUPERSLAB_EXHAUSTED', () => {
  test('names the pool, the size, the limit and the ways out', () => {
    const bufs: PooledBuffer[] = [];
    while (pool.stats().inUseBytes + blockBytes(64 << 10) <= 1 << 20) bufs.push(pool.acquire(64 << 10));
    while (pool.stats().inUseBytes + blockBytes(1000) <= 1 << 20) bufs.push(pool.acquire(1000));
    const { message } = thrownBy(() => pool.acquire(1000), 'ERR_SUPERSLAB_EXHAUSTED');
    for (const part of [
      '"errors"',
      '1000 B',
      `${1 << 20}`,
      'release',
      'maxBytes',
      'acquireAsync()',
      'fallback',
    ]) {
      expect(message).toContain(part);
    }
    expect(pool.stats().exhausted).toBeGreaterThan(0);
    pool.releaseMany(bufs);
  });

  test('says so when no release could help', () => {
    expect(thrownBy(() => pool.acquire(2 << 20), 'ERR_SUPERSLAB_EXHAUSTED').message).toMatch(
      /; raise maxBytes$/,
    );
  });
});

describe('with a buffer of which it is known where it was acquired and released', () => {
  test('that is said, and then where the mistake is', () => {
    const watched = new BufferPool({ name: 'watched', leakDetection: 'full' });
    const buf = watched.acquire(100);
    const view = buf.subarray(10);
    const foreign = thrownBy(() => watched.release(view as PooledBuffer), 'ERR_SUPERSLAB_FOREIGN');
    buf.release();
    const released = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
    watched.close();
    expect(foreign.message).toMatch(
      / use the buffer that acquire\(\) returned\n {2}acquired\n +at [\s\S]*\n {2}now$/,
    );
    expect(foreign.message).not.toContain('released');
    expect(released.message).toMatch(
      / paired with one release\n {2}acquired\n +at [\s\S]*\n {2}released\n +at [\s\S]*\n {2}now$/,
    );
  });
});

describe('tokens', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const good = () => {
    const buf = pool.acquire(100);
    const token = pool.share(buf);
    buf.release();
    return token;
  };

  const flipDigit = (token: string, at: number) =>
    `${token.slice(0, at)}${(Number.parseInt(token[at] ?? '', 16) ^ 1).toString(16)}${token.slice(at + 1)}`;

  test.for<[string, (token: ShareToken) => unknown]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['a number', () => 5],
    ['an empty object', () => ({})],
    ['an empty string', () => ''],
    ['a String object', (token) => new String(token)],
    ['another prefix', (token) => token.replace('superslab', 'superslob')],
    ['one character less', (token) => token.slice(0, -1)],
    ['one character more', (token) => `${token}0`],
    ['upper case', (token) => token.toUpperCase()],
    [
      'characters beyond Latin-1',
      (token) => token.slice(0, -1) + String.fromCharCode(token.charCodeAt(57) + 256),
    ],
    ['a zero character', (token) => `${token.slice(0, 20)}\0${token.slice(21)}`],
    ['id 0', (token) => `superslab:${'0'.repeat(16)}${token.slice(26)}`],
    ['an id never given', (token) => `superslab:${'f'.repeat(16)}${token.slice(26)}`],
    ['a wrong first digit of the nonce', (token) => flipDigit(token, 26)],
    ['a wrong last digit of the nonce', (token) => flipDigit(token, 57)],
  ])('ERR_SUPERSLAB_TOKEN for %s', ([, forge]) => {
    const token = good();
    const forged = forge(token) as ShareToken;
    thrownBy(() => pool.adopt(forged), 'ERR_SUPERSLAB_TOKEN');
    thrownBy(() => pool.revoke(forged), 'ERR_SUPERSLAB_TOKEN');
    pool.adopt(token).release();
  });

  test('ERR_SUPERSLAB_TOKEN_USED for one that was adopted or revoked', () => {
    const [adopted, revoked] = [good(), good()];
    pool.adopt(adopted).release();
    pool.revoke(revoked);
    for (const token of [adopted, revoked]) {
      const error = thrownBy(() => pool.adopt(token), 'ERR_SUPERSLAB_TOKEN_USED');
      expect(error.message).toContain('share() the buffer once for each thread');
      thrownBy(() => pool.revoke(token), 'ERR_SUPERSLAB_TOKEN_USED');
    }
  });

  test.each([
    ['noMemory', 'ERR_SUPERSLAB_NO_MEMORY', 'no random bytes'],
    ['refused', 'ERR_SUPERSLAB_ARGUMENT', 'not of its pool any more'],
  ] as const)('are not given when the native side says %s', (fault, code, words) => {
    const { LEASE_FAULT } =
      internal<typeof import('../lib/addon/generated/codes.js')>('addon/generated/codes');
    const buf = pool.acquire(100);
    vi.spyOn(environment, 'share').mockReturnValueOnce(LEASE_FAULT[fault]);
    expect(thrownBy(() => pool.share(buf), code).message).toContain(words);
    pool.adopt(pool.share(buf)).release();
    buf.release();
  });

  test('a failed adopt() gives no reference back that it did not get', () => {
    const release = vi.spyOn(environment, 'releaseShared');
    thrownBy(() => pool.adopt('superslab' as ShareToken), 'ERR_SUPERSLAB_TOKEN');
    expect(release).not.toHaveBeenCalled();
  });

  test('an adopt() that finds no window gives its reference back', () => {
    const plain = new BufferPool({ guard: 'off', leakDetection: 'off' });
    const buf = plain.acquire(100);
    const token = plain.share(buf);
    vi.spyOn(environment, 'isRecut').mockReturnValueOnce(true);
    vi.spyOn(environment, 'window').mockReturnValueOnce(undefined);
    thrownBy(() => plain.adopt(token), 'ERR_SUPERSLAB_HOST');
    buf.release();
    expect(plain.stats().inUseBytes).toBe(0);
    plain.close();
  });
});
