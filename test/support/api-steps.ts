// Steps through the whole API, with a model that knows what each has done: for tests that cut them off.
import { BufferPool, type BufferPoolOptions } from 'superslab';
import { PLAIN, ShadowModel } from './shadow-model.js';

export type Step = (model: ShadowModel) => void;

const MIB = 1 << 20;

const acquires =
  (size: number): Step =>
  (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.acquire(size);
  };

const releases =
  (retained: boolean): Step =>
  (model) => {
    const buf = model.bufs.find((one) => !one.released);
    if (retained) buf?.retain();
    buf?.release();
    if (retained) buf?.release();
  };

/** Each ends with at most one thing that the model does not yet know, and stores it at once. */
export const steps: Record<string, Step> = {
  'acquire of a small buffer': acquires(1500),
  'acquire of a large one': acquires(200_000),
  'acquire beyond 2 MiB': acquires(3 * MIB),
  'acquire beyond 2 MiB of a block that lies at hand': (model) => {
    for (let i = 0; i < 3; i++) model.pools[0]!.scope(({ acquire }) => void acquire(3 * MIB));
    acquires(3 * MIB)(model);
  },
  'acquire of nothing': acquires(0),
  alloc: (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.alloc(5000);
  },
  'from text': (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.from('some text');
  },
  'from malformed text': (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.from('abcdefxx0102030405', 'hex');
  },
  'from bytes': (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.from(new Uint8Array(3000));
  },
  acquireMany: (model) => {
    model.batches[model.batches.length] = model.pools[0]!.acquireMany(40_000, 5);
  },
  release: releases(false),
  'retain and release': releases(true),
  // Ranges show what others show.
  'a range of a buffer, released before it': (model) => {
    const buf = model.live.find((one) => one.length > 0);
    if (buf === undefined) return;
    model.adopted[model.adopted.length] = buf.retainedSubarray(0, 1);
    model.adopted.at(-1)!.release();
    buf.release();
  },
  'a range of a buffer, released after it': (model) => {
    const buf = model.live.find((one) => one.length > 0);
    if (buf === undefined) return;
    model.adopted[model.adopted.length] = buf.retainedSubarray(0, 1);
    buf.release();
    model.adopted.at(-1)!.release();
  },
  releaseMany: (model) => model.pools[0]!.releaseMany(model.live.slice(0, 3)),
  share: (model) => {
    const buf = model.live.find((one) => one.length > 0);
    if (buf !== undefined) model.tokens[model.tokens.length] = model.pools[0]!.share(buf);
  },
  adopt: (model) => {
    const token = model.tokens.at(-1);
    if (token === undefined) return;
    model.adopted[model.adopted.length] = model.pools[1]!.adopt(token);
    model.tokens.length--;
  },
  scope: (model) =>
    model.pools[0]!.scope(({ acquire, alloc }) => {
      acquire(100);
      alloc(100_000);
    }),
  'scope of a promise': (model) =>
    void model.pools[0]!.scope(async ({ acquire }) => {
      try {
        acquire(100);
        await null;
        acquire(100_000);
      } catch {
        // Nobody may have the scope's promise.
      }
    }),
  acquireAsync: (model) => {
    model.promises[model.promises.length] = model.pools[1]!.acquireAsync(200_000);
  },
  'acquire that waits': (model) => {
    model.bufs[model.bufs.length] = model.pools[2]!.acquire(65_536);
  },
  trim: (model) => void model.pools[0]!.trim(),
  'new BufferPool': (model) => {
    model.opened[model.opened.length] = new model.Pool({ ...PLAIN, name: 'short' });
    model.opened[0]!.close();
  },
};

/** The second has room for three buffers that wait; the third for one, and waits for 1 ms. */
export const makeModel = (Pool = BufferPool, options: BufferPoolOptions = {}) =>
  new ShadowModel(
    [
      { ...options, name: 'any' },
      { ...options, name: 'little', maxBytes: MIB },
      { ...options, name: 'least', maxBytes: 65_536, onExhausted: 'wait' },
    ],
    Pool,
  );

/** Throws what neither superslab nor a full stack throws. */
export function mayThrow(step: () => void): boolean {
  try {
    step();
    return false;
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) return true;
    if (String((error as { code?: string }).code).startsWith('ERR_SUPERSLAB_')) return false;
    throw error;
  }
}

/** The same pool with what releases and adoptions need, blocks of other classes in the slices before. */
export function prepare(model: ShadowModel): void {
  for (const buf of model.pools[0]!.acquireMany(MIB, 3)) buf.release();
  model.pools[0]!.trim();
  model.bufs.push(...model.pools[0]!.acquireMany(1500, 4), model.pools[0]!.acquire(3 * MIB));
  model.tokens.push(model.pools[0]!.share(model.bufs[0]!), model.pools[0]!.share(model.bufs.at(-1)!));
}

export async function isWhole(model: ShadowModel): Promise<void> {
  await model.settle();
  for (const size of [100, 1500, 40_000, 200_000, MIB, 3 * MIB]) {
    model.bufs.push(...model.pools[0]!.acquireMany(size, 3));
  }
  model.bufs.push(await model.pools[1]!.acquireAsync(MIB / 2), model.pools[2]!.acquire(30_000));
  await model.settle();
}
