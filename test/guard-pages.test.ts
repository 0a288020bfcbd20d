// Guard pages behind large buffers: native code that overruns one is stopped at its end, JavaScript never is.
import { BufferPool } from 'superslab';
import { describe, expect, test } from 'vitest';
import { type ChildResult, childJson, runChild } from './support/child.js';
import { nativeCode } from './support/native-code.js';

const MiB = 1 << 20;
const loadNative = nativeCode();

/** A child that has `native`, and says where the buffer's guard is: `end`. */
const run = (options: string, size: number, act: string): Promise<ChildResult> =>
  runChild(`
    import { BufferPool } from 'superslab';
    ${loadNative}
    native.tellFaults();
    const pool = new BufferPool(${options});
    const buf = pool.acquire(${size});
    const neighbour = pool.acquire(${size});
    console.log('guard at', native.addressOf(buf) + buf.capacity);
    ${act}
    console.log('alive');`);

function told(result: ChildResult, what: string): number {
  const found = new RegExp(`^${what} at (\\d+)$`, 'm').exec(result.stdout);
  expect(found, `${what} in ${result.stdout}`).not.toBeNull();
  return Number(found![1]);
}

describe('native code that overruns a buffer', () => {
  test.each([2 * MiB + 1, 3_000_000, 4 * MiB])('of %i B dies of it at the end', async (size) => {
    const result = await run('{ guardPages: true }', size, 'native.write(buf, buf.capacity);');
    expect(result.signal).toBe('SIGSEGV');
    expect(result.stdout).not.toMatch('alive');
    expect(told(result, 'fault')).toBe(told(result, 'guard'));
  });

  test('dies at any place of the page behind it', async () => {
    const result = await run('{ guardPages: true }', 3_000_000, 'native.write(buf, buf.capacity + 4000);');
    expect(result.signal).toBe('SIGSEGV');
    expect(told(result, 'fault')).toBe(told(result, 'guard') + 4000);
  });

  test('lives while it stays in the block, and where there are no guards', async () => {
    const inside = await run('{ guardPages: true }', 3_000_000, 'native.write(buf, buf.capacity - 1);');
    expect(inside).toMatchObject({ code: 0, signal: null });
    // 4 MiB fill two superslabs, so that without a guard the next buffer's memory begins there.
    const unguarded = await run('{}', 4 * MiB, 'native.write(buf, buf.capacity);');
    expect(unguarded).toMatchObject({ code: 0, signal: null });
    expect(unguarded.stdout).toMatch('alive');
  });

  test('dies of it again after the buffer was released and its memory leased anew', async () => {
    const result = await run(
      '{ guardPages: true }',
      3_000_000,
      `buf.release();
      const again = pool.acquire(${3_000_000});
      console.log('again at', native.addressOf(again) + again.capacity);
      native.write(again, again.capacity);`,
    );
    expect(result.signal).toBe('SIGSEGV');
    expect(told(result, 'fault')).toBe(told(result, 'again'));
  });
});

describe('JavaScript', () => {
  test('that writes and reads out of range does nothing and gets nothing', async () => {
    const result = await run(
      '{ guardPages: true }',
      3_000_000,
      `const whole = new Uint8Array(buf.buffer);
      for (const view of [buf, whole]) {
        for (const at of [view.length, view.length + 1, view.length + 4096, 2 ** 31, 2 ** 32 + 1]) {
          view[at] = 1;
          if (view[at] !== undefined) throw new Error('there is something at ' + at);
        }
      }
      try { buf.writeUInt8(1, buf.length); throw 'no error'; } catch (error) { if (error.code !== 'ERR_OUT_OF_RANGE') throw error; }
      try { new Uint8Array(buf.buffer, buf.capacity, 1); throw 'no error'; } catch (error) { if (!(error instanceof RangeError)) throw error; }
      whole.fill(1);
      if (buf.buffer.byteLength !== buf.capacity) throw new Error('a window longer than its block');`,
    );
    expect(result.stderr).toBe('');
    expect(result).toMatchObject({ code: 0, signal: null });
  });

  test('that uses views of memory which was given back never meets a guard', async () => {
    const seen = await childJson(`
      import { BufferPool } from 'superslab';
      const stale = [];
      for (let round = 0; round < 6; round++) {
        for (const options of [{}, { guardPages: true }]) {
          const pool = new BufferPool(options);
          for (const size of [${[2 * MiB, 3_000_000, 4 * MiB, 2 * MiB + 5000, 7_000_000, 100_000].join(', ')}]) {
            const buf = pool.acquire(size - round * 4096);
            stale.push(new Uint8Array(buf.buffer));
            buf.release();
          }
          pool.close();
        }
        for (const view of stale) for (let at = 0; at < view.length; at += 4096) view[at] = round;
        for (const view of stale) view[view.length - 1] = round;
      }
      console.log(JSON.stringify(stale.length));`);
    expect(seen).toBe(72);
  });
});

describe('the block', () => {
  test('is as long as its pages, and takes no more of maxBytes', () => {
    const pool = new BufferPool({ guardPages: true, maxBytes: 8 * MiB });
    const bufs = [pool.acquire(4 * MiB), pool.acquire(4 * MiB)];
    expect(bufs.map((buf) => buf.capacity)).toEqual([4 * MiB, 4 * MiB]);
    expect(pool.stats().committedBytes).toBe(8 * MiB);
    pool.releaseMany(bufs);
    const odd = pool.acquire(3_000_001);
    expect(odd.capacity).toBe(Math.ceil(3_000_001 / 4096) * 4096);
    odd.release();
    pool.close();
  });

  test('is guarded in the default pool when the environment says so', async () => {
    const result = await runChild(
      `import { acquire } from 'superslab';
      ${loadNative}
      native.tellFaults();
      const buf = acquire(4 << 20);
      const neighbour = acquire(4 << 20);
      console.log('guard at', native.addressOf(buf) + buf.capacity);
      native.write(buf, buf.capacity);`,
      { env: { SUPERSLAB_GUARD_PAGES: '1' } },
    );
    expect(result.signal).toBe('SIGSEGV');
    expect(told(result, 'fault')).toBe(told(result, 'guard'));
  });
});
