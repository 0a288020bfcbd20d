// The addon and libsuperslab.so in one process: one core serves both front ends.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot, runChild } from './support/child.js';

const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

describe.skipIf(process.platform !== 'linux')('the core of a process', () => {
  test('is its own without libsuperslab.so', async () => {
    const { stdout } = await runChild(`import { core } from 'superslab'; process.stdout.write(core);`);
    expect(stdout).toBe('addon');
  });

  test('is that of libsuperslab.so when it serves malloc, and both front ends work', async () => {
    const script = `
      import { core, BufferPool } from 'superslab';
      import zlib from 'node:zlib';
      import { Worker } from 'node:worker_threads';
      const pool = new BufferPool({ purgeDelayMs: 1 });
      const held = [];
      for (let round = 0; round < 200; round++) {
        for (const size of [100, 5000, 70_000, 3 << 20]) {
          const buf = pool.acquire(size);
          buf.fill(round);
          held.push([buf, round]);
        }
        zlib.deflateSync(Buffer.alloc(50_000, round));
        if (held.length > 60) {
          for (const [buf, value] of held.splice(0, 40)) {
            if (buf[0] !== value || buf[buf.length - 1] !== value) throw new Error('overwritten');
            buf.release();
          }
        }
      }
      await new Promise((resolve) => new Worker('0', { eval: true }).on('exit', resolve));
      process.stdout.write(core);`;
    const { stdout, stderr, code } = await runChild(script, { env: { LD_PRELOAD: library } });
    expect(stderr).toBe('');
    expect(stdout).toBe('libsuperslab.so');
    expect(code).toBe(0);
  });

  test('leaves no memory that JavaScript may still see to malloc', async () => {
    // A buffer of a pool that is closed goes on being written to, while malloc is busy.
    const script = `
      import { BufferPool } from 'superslab';
      const pool = new BufferPool({ purgeDelayMs: 1, hugePages: 'off' }); // as malloc's
      const stale = Array.from({ length: 40 }, () => pool.acquire(1 << 20));
      const views = stale.map((buf) => new Uint8Array(buf.buffer, buf.byteOffset, 1 << 20));
      for (const buf of stale) buf.release();
      pool.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
      // More than malloc has of its own: it takes superslabs, the lowest free addresses first.
      const fresh = Array.from({ length: 80 }, (_, i) => Buffer.allocUnsafeSlow(1 << 20).fill(i));
      for (const view of views) view.fill(0xff);
      if (fresh.some((buf, i) => buf.some((byte) => byte !== i))) throw new Error('overwritten');`;
    const { stderr, code } = await runChild(script, { env: { LD_PRELOAD: library } });
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});
