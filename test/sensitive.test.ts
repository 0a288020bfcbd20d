// Pools of secrets: what the kernel notes of their memory, what is left of the bytes, and what is refused.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BufferPool, type BufferPoolOptions } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { childJson, packageRoot, runChild } from './support/child.js';
import { thrownBy } from './support/expect-error.js';
import { nativeCode } from './support/native-code.js';
import { hasCanaries } from './support/watching.js';

const MiB = 1 << 20;
const isLinux = process.platform === 'linux';
const loadNative = nativeCode();
const pools: BufferPool[] = [];

function refusal(options: BufferPoolOptions): string {
  return thrownBy(() => new BufferPool(options), 'ERR_SUPERSLAB_OPTION').message;
}

function openPool(options: BufferPoolOptions): BufferPool {
  const pool = new BufferPool(options);
  pools.push(pool);
  return pool;
}

afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

// In each script: where memory lies, what the kernel notes of it, and its bytes as any debugger sees them.
const helpers = `
  import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
  import { BufferPool } from 'superslab';
  ${loadNative}
  const say = (value) => console.log(JSON.stringify(value));
  const mappings = () => readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).map((text) => {
    const [, first, last] = /^([0-9a-f]+)-([0-9a-f]+)/.exec(text);
    const flags = /^VmFlags: (.*)$/m.exec(text)?.[1].trim().split(' ') ?? [];
    return { first: parseInt(first, 16), last: parseInt(last, 16), flags };
  });
  const secretFlags = (address) => {
    const at = mappings().find((one) => one.first <= address && address < one.last);
    return ['dd', 'wf', 'lo'].filter((flag) => at.flags.includes(flag));
  };
  /** Reads memory past JavaScript: what is there, not what a view shows. */
  const peek = (address, bytes) => {
    const fd = openSync('/proc/self/mem', 'r');
    const out = Buffer.alloc(bytes);
    try { readSync(fd, out, 0, bytes, address); } finally { closeSync(fd); }
    return out;
  };
  const { addressOf } = native;
  const isAll = (bytes, value) => bytes.equals(Buffer.alloc(bytes.length, value));
`;

describe('what the kernel notes of the memory', () => {
  test.each([
    ['{}', []],
    ['{ sensitive: true }', ['dd', 'wf']],
    ['{ lockMemory: true }', ['lo']],
    ['{ sensitive: true, lockMemory: true }', ['dd', 'wf', 'lo']],
  ])('of a pool with %s', async (options, flags) => {
    const seen = await childJson(`${helpers}
      const pool = new BufferPool(${options});
      const of = (size) => { const buf = pool.acquire(size); const flags = secretFlags(addressOf(buf)); buf.release(); return flags; };
      say({ small: of(100), medium: of(100_000), large: of(5_000_000) });`);
    expect(seen).toEqual({ small: flags, medium: flags, large: flags });
  });

  test('ends with the pool: another pool gets the same memory as it would be without', async () => {
    const seen = await childJson(`${helpers}
      const lease = (pool, size) => { const buf = pool.acquire(size); const address = addressOf(buf); return [buf, address]; };
      const result = [];
      for (const size of [100, 3_000_000]) {
        const secret = new BufferPool({ sensitive: true, lockMemory: true });
        const [first, at] = lease(secret, size);
        const during = secretFlags(at);
        first.release();
        secret.close();
        const between = secretFlags(at);
        const plain = new BufferPool();
        const [second, again] = lease(plain, size);
        result.push({ during, between, same: again === at, after: secretFlags(again) });
      }
      say(result);`);
    for (const one of seen) {
      expect(one).toEqual({ during: ['dd', 'wf', 'lo'], between: [], same: true, after: [] });
    }
  });

  test('is set by the environment for the default pool', async () => {
    const seen = await childJson(
      `${helpers}
      import { acquire } from 'superslab';
      const buf = acquire(100);
      const address = addressOf(buf);
      const flags = secretFlags(address);
      buf.fill(7);
      buf.release();
      say({ flags, cleared: isAll(peek(address, 100), 0) });`,
      { env: { SUPERSLAB_SENSITIVE: '1' } },
    );
    expect(seen).toEqual({ flags: ['dd', 'wf'], cleared: true });
  });
});

describe('what is left of released bytes', () => {
  const cleared = (options: string, act: string) =>
    childJson(`${helpers}
      const pool = new BufferPool(${options});
      const left = {};
      for (const size of [1, 64, 1500, 100_000, ${2 * MiB}, 5_000_000]) {
        const buf = pool.acquire(size);
        const { capacity } = buf;
        const address = addressOf(buf);
        // What is behind the buffer may be the guard's.
        const dirty = ${hasCanaries} ? size : capacity;
        Buffer.from(buf.buffer, buf.byteOffset, dirty).fill(0xaa);
        if (!isAll(peek(address, dirty), 0xaa)) throw new Error('not where it was thought');
        ${act}
        left[size] = isAll(peek(address, capacity), 0) ? 'nothing' : 'something';
      }
      say(left);`);
  const each = (what: string) =>
    Object.fromEntries([1, 64, 1500, 100_000, 2 * MiB, 5_000_000].map((size) => [size, what]));
  const nothing = each('nothing');

  test("zero: 'release' leaves nothing, of the whole capacity", async () => {
    expect(await cleared("{ zero: 'release' }", 'pool.release(buf);')).toEqual(nothing);
  });
  test('nor does a pool of secrets', async () => {
    expect(await cleared('{ sensitive: true }', 'buf.release();')).toEqual(nothing);
  });
  test('nor the last of several references', async () => {
    expect(await cleared('{ sensitive: true }', 'buf.retain(); buf.release(); buf.release();')).toEqual(
      nothing,
    );
  });
  test('nor a lease that was shared, revoked or not', async () => {
    expect(
      await cleared(
        '{ sensitive: true }',
        'const token = pool.share(buf); buf.release(); pool.revoke(token);',
      ),
    ).toEqual(nothing);
    expect(
      await cleared(
        '{ sensitive: true }',
        'const adopted = pool.adopt(pool.share(buf)); buf.release(); adopted.release();',
      ),
    ).toEqual(nothing);
  });
  test('nor one that comes back after the pool was closed', async () => {
    expect(
      await cleared(
        '{ sensitive: true }',
        'const other = new BufferPool({ sensitive: true }); const late = other.acquire(size); other.close(); late.release(); buf.release();',
      ),
    ).toEqual(nothing);
  });
  test('nor a program that has replaced fill()', async () => {
    expect(
      await cleared(
        '{ sensitive: true }',
        'const { fill } = Uint8Array.prototype; Uint8Array.prototype.fill = function () { return this; }; buf.release(); Uint8Array.prototype.fill = fill;',
      ),
    ).toEqual(nothing);
  });
  test('a pool that is asked for nothing leaves them, so that the figures above say something', async () => {
    expect(await cleared('{}', 'buf.release();')).toEqual(each('something'));
  });

  test('the buffers from outside an exhausted pool are cleared too', () => {
    const pool = openPool({ zero: 'release', maxBytes: blockBytes(4096), onExhausted: 'fallback' });
    const inside = pool.acquire(4096);
    const outside = pool.acquire(4096);
    expect(pool.stats().fallbacks).toBe(1);
    const view = new Uint8Array(outside.buffer);
    outside.fill(0xaa);
    outside.release();
    expect(view.every((byte) => byte === 0)).toBe(true);
    inside.release();
  });

  test('what a worker had leased when it was terminated is cleared', async () => {
    const seen = await childJson(
      `${helpers}
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const source = \`
        const { parentPort } = require('node:worker_threads');
        const { acquire } = require('superslab');
        ${loadNative}
        globalThis.held = [acquire(1500), acquire(100_000), acquire(5_000_000)];
        for (const buf of held) buf.fill(0xaa);
        parentPort.postMessage(held.map(native.addressOf));
        setInterval(() => {}, 1000);\`;
      const worker = new Worker(source, { eval: true, execArgv: [] });
      const [addresses] = await once(worker, 'message');
      const before = addresses.map((address) => isAll(peek(address, 1500), 0xaa));
      await worker.terminate();
      say({ before, after: addresses.map((address) => isAll(peek(address, 1500), 0)) });`,
      { env: { SUPERSLAB_SENSITIVE: '1' } },
    );
    expect(seen).toEqual({ before: [true, true, true], after: [true, true, true] });
  });
});

const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

describe.each([
  ['superslab alone', {}],
  ['libsuperslab.so serving malloc from the same space', { LD_PRELOAD: library }],
  [
    '... and asked for secrets',
    { LD_PRELOAD: library, SUPERSLAB_SENSITIVE: '1', SUPERSLAB_LOCK_MEMORY: '1' },
  ],
])('a forked child, with %s', (_, env: Record<string, string>) => {
  test.skipIf('LD_PRELOAD' in env && !existsSync(library))(
    'reads no secrets, and everything else',
    async () => {
      const seen = await childJson(
        `${loadNative}
      import superslab, { BufferPool } from 'superslab';
      const found = [];
      for (const size of [100, 100_000, 3_000_000]) {
        const secret = new BufferPool({ sensitive: true });
        const key = secret.acquire(size).fill(0x41);
        const during = native.childFinds(key);
        const still = key.every((byte) => byte === 0x41);
        key.release();
        secret.close();
        // The same superslabs, most likely; and, with libsuperslab.so, memory of malloc.
        const plain = new BufferPool({ sensitive: false });
        const buf = plain.acquire(size).fill(0x42);
        const own = Buffer.allocUnsafeSlow(size).fill(0x43);
        found.push([during, still, native.childFinds(buf), native.childFinds(own)]);
        buf.release();
        plain.close();
      }
      console.log(JSON.stringify(found));`,
        { env },
      );
      expect(seen).toEqual([
        [0, true, 0x42, 0x43],
        [0, true, 0x42, 0x43],
        [0, true, 0x42, 0x43],
      ]);
    },
  );
});

const corePattern = isLinux ? readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() : '';
// A plain name is a file in the working folder; anything else may be a pipe to a service of the machine.
test.skipIf(!/^[\w.%-]+$/.test(corePattern))(
  'a core dump has what other pools hold, and no secrets',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'superslab-core-'));
    try {
      // The texts are made in the buffers, byte by byte: a string or another buffer would be in the dump itself.
      const result = await runChild(
        `import { BufferPool } from ${JSON.stringify(path.join(packageRoot, 'dist/esm/index.js'))};
      const made = (pool, first) => {
        const buf = pool.acquire(4096);
        for (let i = 0; i < 4096; i++) buf[i] = (i * (2 * first + 5)) & 0xff;
        return buf;
      };
      globalThis.held = [made(new BufferPool({ sensitive: true }), 1), made(new BufferPool(), 2)];
      process.abort();`,
        { cwd: folder, shellLimit: 'ulimit -c unlimited' },
      );
      expect(result.signal).toBe('SIGABRT');
      const [name] = readdirSync(folder);
      const dump = readFileSync(path.join(folder, name!));
      const text = (first: number) =>
        Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * (2 * first + 5)) & 0xff));
      expect(dump.includes(text(2))).toBe(true);
      expect(dump.includes(text(1))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

describe('options', () => {
  test.each<BufferPoolOptions>([
    { sensitive: true, zero: 'never' },
    { zero: 'acquire', sensitive: true },
  ])('%o contradict each other', (options) => {
    expect(refusal(options)).toMatch(/"zero" is ".*sensitive.*give release/);
  });

  test.each<BufferPoolOptions>([
    { sensitive: true, hugePages: '2mb' },
    { guardPages: true, hugePages: '1gb' },
  ])('%o contradict each other', (options) => {
    expect(refusal(options)).toMatch(/"hugePages" is ".*give thp or off/);
  });

  test.each<BufferPoolOptions>([
    { sensitive: true, onExhausted: 'fallback' },
    { onExhausted: 'fallback', lockMemory: true },
  ])('%o contradict each other', (options) => {
    expect(refusal(options)).toMatch(
      /"onExhausted" is "fallback".*(sensitive|lockMemory).*give throw or wait/,
    );
    openPool({ ...options, onExhausted: 'throw' });
    openPool({ ...options, onExhausted: 'wait' });
  });

  test('go together where they say the same, and false is no wish', () => {
    openPool({ sensitive: true, zero: 'release' });
    openPool({ sensitive: false, zero: 'never' });
    openPool({ sensitive: false, lockMemory: false, guardPages: false, hugePages: '2mb' });
    openPool({ sensitive: false, lockMemory: false, onExhausted: 'fallback' });
  });

  test('that are neither true nor false are refused', () => {
    for (const value of [2, 'maybe', null, {}]) {
      const options = { sensitive: value as unknown as boolean };
      expect(refusal(options)).toMatch(/"sensitive" is .*: give true or false/);
    }
  });

  test('an option wins over the environment, but not over a pool that is made sensitive there', async () => {
    const seen = await childJson(
      `import { BufferPool } from 'superslab';
      const attempt = (options) => { try { new BufferPool(options).close(); return 'fine'; } catch (error) { return error.code; } };
      console.log(JSON.stringify([attempt({}), attempt({ zero: 'never' }), attempt({ zero: 'never', sensitive: false })]));`,
      { env: { SUPERSLAB_SENSITIVE: '1' } },
    );
    expect(seen).toEqual(['fine', 'ERR_SUPERSLAB_OPTION', 'fine']);
    const other = await childJson(
      `import { BufferPool } from 'superslab';
      const pool = new BufferPool({ sensitive: true });
      const buf = pool.acquire(100);
      const view = new Uint8Array(buf.buffer, buf.byteOffset, 100);
      buf.fill(1);
      buf.release();
      console.log(JSON.stringify(view.every((byte) => byte === 0)));`,
      { env: { SUPERSLAB_ZERO: 'never' } },
    );
    expect(other).toBe(true);
  });

  test('contradictions in the environment end the start', async () => {
    const result = await runChild(`import 'superslab';`, {
      env: { SUPERSLAB_SENSITIVE: '1', SUPERSLAB_ZERO: 'never' },
    });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(
      /ERR_SUPERSLAB_ENV: SUPERSLAB_ZERO is "never", which cannot be with SUPERSLAB_SENSITIVE/,
    );
  });
});

// Root may lock what it likes, unless it is without that one capability.
const withoutLocks =
  process.getuid?.() === 0
    ? 'command -v setpriv > /dev/null && ulimit -l 64 && set -- setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock "$@"'
    : 'ulimit -l 64';

test.skipIf(!isLinux)('memory that may not be locked is a warning, once, and a count', async () => {
  const result = await runChild(
    `import { BufferPool } from 'superslab';
    const pool = new BufferPool({ name: 'keys', lockMemory: true });
    const bufs = pool.acquireMany(1 << 20, 8);
    bufs.push(pool.acquire(5_000_000));
    for (const buf of bufs) buf.fill(1);
    const { secretFailures } = pool.stats();
    for (const buf of bufs) buf.release();
    pool.close();
    process.on('exit', () => console.log(secretFailures));`,
    { shellLimit: withoutLocks },
  );
  expect(result.code).toBe(0);
  expect(Number(result.stdout)).toBeGreaterThanOrEqual(5);
  expect(result.stderr.match(/SUPERSLAB_SECRECY/g)).toHaveLength(1);
  expect(result.stderr).toMatch(/pool "keys" .* refused to lock it: raise "ulimit -l" \(it is 65536 bytes\)/);
});

test('no failure is counted where nothing fails', () => {
  const pool = openPool({ sensitive: true });
  pool.acquire(100).release();
  expect(pool.stats().secretFailures).toBe(0);
  expect(readFileSync('/proc/self/smaps', 'utf8')).toMatch(/VmFlags:.* wf/);
});
