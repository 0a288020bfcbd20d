// The whole API, cut off wherever JavaScript can be cut off while its environment lives on: by a stack that is full, at
// each depth, and by timeouts of `vm`, at random. Nothing is lost, nothing is lent twice, and the pools go on working.
import vm from 'node:vm';
import { BufferPool } from 'superslab';
import { describe, expect, test } from 'vitest';
import { ShadowModel } from './support/shadow-model.js';

type Step = (model: ShadowModel) => void;

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
const steps: Record<string, Step> = {
  'acquire of a small buffer': acquires(1500),
  'acquire of a large one': acquires(200_000),
  'acquire beyond 2 MiB': acquires(3 * MIB),
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
    const bufs = model.pools[0]!.acquireMany(40_000, 5);
    model.bufs = [...model.bufs, ...bufs];
  },
  release: releases(false),
  'retain and release': releases(true),
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
  acquireAsync: (model) => {
    model.promises[model.promises.length] = model.pools[1]!.acquireAsync(200_000);
  },
  'acquire that waits': (model) => {
    model.bufs[model.bufs.length] = model.pools[2]!.acquire(65_536);
  },
  trim: (model) => void model.pools[0]!.trim(),
  'new BufferPool': () => new BufferPool({ name: 'short' }).close(),
};

/** The second has room for three buffers that wait; the third for one, and waits for 1 ms. */
const makeModel = () =>
  new ShadowModel(
    { name: 'any' },
    { name: 'little', maxBytes: MIB },
    { name: 'least', maxBytes: 65_536, onExhausted: 'wait' },
  );

/** Throws what neither superslab nor a full stack throws. */
function mayThrow(step: () => void): boolean {
  try {
    step();
    return false;
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) return true;
    if (String((error as { code?: string }).code).startsWith('ERR_SUPERSLAB_')) return false;
    throw error;
  }
}

/** Calls `step` at each depth from where the stack is full. Returns how often it was cut off. */
function sweepDepths(step: () => void, padding: number): number {
  let cuts = 0;
  let whole = 0;
  let failure: unknown;
  const deeper = (): void => {
    try {
      deeper();
    } catch {
      // The stack is full.
    }
    if (whole > 3 || failure !== undefined) return;
    try {
      if (mayThrow(step)) {
        cuts++;
        whole = 0;
      } else {
        whole++;
      }
    } catch (error) {
      if (!(error instanceof RangeError)) failure = error;
    }
  };
  const padded = (left: number): void => (left === 0 ? deeper() : padded(left - 1));
  padded(padding);
  if (failure !== undefined) throw failure;
  return cuts;
}

/** The same pool with what releases and adoptions need, blocks of other classes in the slices before. */
function prepare(model: ShadowModel): void {
  for (const buf of model.pools[0]!.acquireMany(MIB, 3)) buf.release();
  model.pools[0]!.trim();
  model.bufs.push(...model.pools[0]!.acquireMany(1500, 4), model.pools[0]!.acquire(3 * MIB));
  model.tokens.push(model.pools[0]!.share(model.bufs[0]!), model.pools[0]!.share(model.bufs.at(-1)!));
}

async function isWhole(model: ShadowModel): Promise<void> {
  await model.settle();
  for (const size of [100, 1500, 40_000, 200_000, MIB, 3 * MIB]) {
    model.bufs.push(...model.pools[0]!.acquireMany(size, 3));
  }
  model.bufs.push(await model.pools[1]!.acquireAsync(MIB), model.pools[2]!.acquire(65_536));
  await model.settle();
}

describe('a full stack', () => {
  test.for(Object.keys(steps))('in %s', async (name) => {
    const model = makeModel();
    let cuts = 0;
    for (let padding = 0; padding < 6; padding++) {
      prepare(model);
      cuts += sweepDepths(() => steps[name]!(model), padding);
      model.check();
      await model.settle();
    }
    expect(cuts).toBeGreaterThan(0);
    await isWhole(model);
    model.close();
  });
});

test('timeouts of vm, in everything', async () => {
  const model = makeModel();
  const all = Object.values(steps);
  let cuts = 0;
  let count = 0;
  const context = vm.createContext({
    step() {
      count++;
      if (model.bufs.length > 40) model.pools[0]!.releaseMany(model.bufs.slice(0, 20));
      if (model.bufs.length > 40) model.tidy();
      mayThrow(() => all[(count * 7 + (count >> 4)) % all.length]!(model));
    },
  });
  const script = new vm.Script('for (;;) step()');
  for (let round = 0; round < 400; round++) {
    try {
      script.runInContext(context, { timeout: 1 });
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
      cuts++;
    }
    model.check();
    if (round % 50 === 49) await model.settle();
  }
  expect(cuts).toBe(400);
  await isWhole(model);
  model.close();
});
