// Every public function called from every place where a pool runs code of the program. Each ends with a result or an error
// of superslab, the pool is open or closed, and everything comes back.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { BufferPool, PooledBuffer } from 'superslab';
import { describe, expect, test } from 'vitest';
import { runChild } from './support/child.js';
import { ShadowModel } from './support/shadow-model.js';

const MIB = 1 << 20;
const LIMIT = 8 * MIB;

/** What a callback does. Buffers that it gets are the model's. */
const functions: Record<string, (model: ShadowModel, pool: BufferPool) => void> = {
  nothing: () => {},
  'acquire small': (model, pool) => model.bufs.push(pool.acquire(1500)),
  'acquire large': (model, pool) => model.bufs.push(pool.acquire(200_000)),
  'acquire beyond 2 MiB': (model, pool) => model.bufs.push(pool.acquire(3 * MIB)),
  'acquire what is left': (model, pool) => {
    for (;;) model.bufs.push(pool.acquire(MIB));
  },
  alloc: (model, pool) => model.bufs.push(pool.alloc(5000)),
  from: (model, pool) => model.bufs.push(pool.from('text'), pool.from(new Uint8Array(9))),
  acquireMany: (model, pool) => model.bufs.push(...pool.acquireMany(1500, 100)),
  acquireAsync: (model, pool) => model.promises.push(pool.acquireAsync(MIB)),
  release: (model) => model.live[0]?.release(),
  'release everything': (model) => {
    for (const buf of model.live) buf.release();
  },
  releaseMany: (model, pool) => pool.releaseMany(model.live),
  share: (model, pool) => model.tokens.push(pool.share(model.live[0]!)),
  'share and adopt': (model, pool) => {
    model.tokens.push(pool.share(model.live[0]!));
    model.adopted.push(pool.adopt(model.tokens.at(-1)!));
  },
  'share and revoke': (model, pool) => pool.revoke(pool.share(model.live[0]!)),
  scope: (_, pool) => pool.scope(({ acquire }) => void acquire(1500)),
  tagged: (model, pool) => model.bufs.push(pool.tagged('here').acquire(1500)),
  trim: (_, pool) => void pool.trim(),
  'stats, report, advice': (_, pool) => void [pool.stats(), pool.report(), pool.advice()],
  'check, leaks': (_, pool) => void [pool.check(), pool.leaks(), pool.slowPathHistogram()],
  close: (_, pool) => pool.close(),
  'release and close': (model, pool) => {
    for (const buf of model.live) buf.release();
    pool.close();
  },
  throw: () => {
    throw Object.assign(new Error('thrown'), { code: 'ERR_SUPERSLAB_TEST' });
  },
};

/** Brings the pool to call `back`. */
const callbacks: Record<string, (model: ShadowModel, pool: BufferPool, back: () => void) => void> = {
  'grow, of a class': (model, pool, back) =>
    on('grow', back, () => {
      for (let i = 0; i < 40; i++) model.bufs.push(pool.acquire(100_000));
    }),
  'grow, beyond 2 MiB': (model, pool, back) => {
    model.live.find((buf) => buf.length > 2 * MIB)?.release();
    pool.trim();
    on('grow', back, () => model.bufs.push(pool.acquire(5 * MIB)));
  },
  'grow, of acquireMany': (model, pool, back) =>
    on('grow', back, () => model.bufs.push(...pool.acquireMany(30_000, 200))),
  'trim, of trim': (_, pool, back) => on('trim', back, () => pool.trim()),
  'trim, of a release': (model, pool, back) => {
    pool.close();
    on('trim', back, () => model.live.find((buf) => buf.length > 2 * MIB)?.release());
  },
  'trim, of close': (_, pool, back) => on('trim', back, () => pool.close()),
  'exhausted, of acquire': (_, pool, back) => on('exhausted', back, () => pool.acquire(LIMIT)),
  'exhausted, of a class': (model, pool, back) =>
    on('exhausted', back, () => {
      for (;;) model.bufs.push(pool.acquire(MIB));
    }),
  'exhausted, of acquireAsync': (model, pool, back) =>
    on('exhausted', back, () => model.promises.push(pool.acquireAsync(LIMIT))),
  'an iterator': (model, pool, back) =>
    pool.releaseMany({
      *[Symbol.iterator](): Iterator<PooledBuffer> {
        for (const buf of model.live.slice(0, 3)) {
          back();
          yield buf;
        }
      },
    }),
  'a scope': (_, pool, back) =>
    pool.scope(({ acquire }) => {
      acquire(1500);
      back();
      acquire(1500);
    }),
  'a thenable of a scope': (_, pool, back) =>
    pool.scope(({ acquire }) => {
      acquire(1500);
      return {
        // biome-ignore lint/suspicious/noThenProperty: it is what is tested
        get then() {
          back();
          return undefined;
        },
      };
    }),
  addEventListener: (model, pool, back) => {
    const signal = { aborted: false, addEventListener: back, removeEventListener() {} };
    model.promises.push(pool.acquireAsync(LIMIT, { signal: signal as never }));
  },
  removeEventListener: (model, pool, back) => {
    const signal = { aborted: false, addEventListener() {}, removeEventListener: back };
    model.promises.push(pool.acquireAsync(6 * MIB, { signal: signal as never }));
    for (const buf of model.live) buf.release();
  },
  'options of acquireAsync': (model, pool, back) => {
    const options = {
      get signal(): undefined {
        back();
        return undefined;
      },
    };
    model.promises.push(pool.acquireAsync(1500, options as never));
  },
  'a Proxy as options': (model, pool, back) => {
    model.promises.push(pool.acquireAsync(1500, proxy({}, back)));
  },
  'a Proxy as signal': (model, pool, back) => {
    const signal = { aborted: false, addEventListener() {}, removeEventListener() {} };
    model.promises.push(pool.acquireAsync(LIMIT, { signal: proxy(signal, back) as never }));
    for (const buf of model.live) buf.release();
  },
};

/** `target`, but that `back` is called for whatever is asked of it. */
function proxy<T extends object>(target: T, back: () => void): T {
  const traps = ['get', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'has', 'ownKeys'] as const;
  const asked = (name: (typeof traps)[number]) => [
    name,
    (...args: unknown[]) => {
      back();
      return (Reflect[name] as (...args: unknown[]) => unknown)(...args);
    },
  ];
  return new Proxy(target, Object.fromEntries(traps.map(asked)));
}

function on(end: string, back: () => void, work: () => void): void {
  const subscriber = (message: unknown) => {
    if ((message as { pool: string }).pool !== 'called') return;
    try {
      back();
    } catch {
      // Node.js would end the process for a subscriber that throws.
    }
  };
  subscribe(`superslab:pool:${end}`, subscriber);
  try {
    work();
  } finally {
    unsubscribe(`superslab:pool:${end}`, subscriber);
  }
}

describe.for(Object.keys(callbacks))('from %s', (callback) => {
  test.for(Object.keys(functions))('%s', async (name) => {
    const model = new ShadowModel([{ name: 'called', maxBytes: LIMIT }]);
    const pool = model.pools[0]!;
    model.bufs.push(...pool.acquireMany(1500, 3), pool.acquire(3 * MIB));
    for (const buf of pool.acquireMany(60_000, 4)) buf.release();
    let calls = 0;
    try {
      callbacks[callback]!(model, pool, () => {
        if (calls++ < 2) functions[name]!(model, pool);
      });
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SUPERSLAB_/) });
    }
    expect(calls).toBeGreaterThan(0);
    model.check();
    await model.settle();
    if (!pool.closed) model.bufs.push(pool.acquire(100), pool.acquire(3 * MIB));
    await model.settle();
    pool.close();
  });
});

test.each(['grow', 'trim', 'exhausted'])(
  'process.exit() in a subscriber of %s ends the process',
  async (what) => {
    const ended = await runChild(`
    import { subscribe } from 'node:diagnostics_channel';
    import { BufferPool } from 'superslab';
    const pool = new BufferPool({ maxBytes: 8 << 20, purgeDelayMs: 1 });
    subscribe('superslab:pool:${what}', () => process.exit(7));
    const bufs = pool.acquireMany(1 << 20, 4);
    pool.releaseMany(bufs);
    pool.trim();
    pool.acquireMany(1 << 20, 9);
    console.log('alive');`);
    expect(ended).toMatchObject({ code: 7, signal: null, stdout: '', stderr: '' });
  },
);
