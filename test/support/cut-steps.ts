// Each step of the API, cut off at each of its places in turn, with a model that says whether all is well then.
import type { BufferPool, BufferPoolOptions, PooledBuffer } from 'superslab';
import { describe, expect, test, vi } from 'vitest';
import { isWhole, makeModel, mayThrow, prepare, steps } from './api-steps.js';
import { CUTS, cutOff, evaluateWithPoints, place } from './cut-points.js';
import type { ShadowModel } from './shadow-model.js';

const { superslab, cores, unfinished } = evaluateWithPoints();

/** More than a magazine holds. */
const MANY = 80;
/** Of a class that is not used before: its magazine is empty. */
const FRESH = 900;

const all: typeof steps = {
  ...steps,
  'acquire with a refill': (model) => {
    model.bufs[model.bufs.length] = model.pools[0]!.acquire(FRESH);
  },
  'acquireMany with refills': (model) => {
    model.batches[model.batches.length] = model.pools[0]!.acquireMany(FRESH, MANY / 4);
  },
  'release of a private buffer': (model) => model.bufs[1]!.release(),
  'release of a private buffer beyond 2 MiB': (model) => model.bufs[0]!.release(),
  'releaseMany with spills': (model) => model.pools[0]!.releaseMany(model.bufs.slice(0, MANY)),
};

const SIZES = [2000, 5000, 9000, 30_000];

/**
 * Has slices cut into large blocks, which the step then cuts into smaller ones: a block that was lent under the home that
 * its slice had before would overlap the next.
 */
function recut(pool: BufferPool, round: number): PooledBuffer[] {
  pool.trim();
  const size = SIZES[round % SIZES.length]!;
  pool.releaseMany(pool.acquireMany(size, Math.ceil((256 << 10) / size)));
  return [];
}

/** What a step needs, beside what all need, in each round. */
const needs: Record<string, (pool: BufferPool, round: number) => PooledBuffer[]> = {
  'acquire with a refill': recut,
  'acquireMany with refills': recut,
  'release of a private buffer beyond 2 MiB': (pool) => [pool.acquire(3 << 20)],
  'releaseMany with spills': (pool) => pool.acquireMany(FRESH, MANY),
};

function begin(model: ShadowModel, round: number, name: string): void {
  model.bufs.push(...(needs[name]?.(model.pools[0]!, round) ?? []));
  prepare(model);
}

/** Releases all that the program has, whoever has it. */
async function release(model: ShadowModel): Promise<void> {
  do {
    for (const token of model.tokens.splice(0)) {
      try {
        model.pools[0]!.revoke(token);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_TOKEN_USED' });
      }
    }
    for (const buf of [...model.bufs.splice(0), ...model.adopted.splice(0)])
      while (!buf.released) buf.release();
    for (const promise of model.promises.splice(0)) {
      promise.then(
        (buf) => model.bufs.push(buf),
        () => {},
      );
    }
    await null;
    await null;
  } while (model.bufs.length > 0);
}

const countPools = () => cores.openCores.size + cores.closingCores.size;

/** Each class is lent and given back, so that a block in a wrong place is found; then nothing may be in use. */
async function end(model: ShadowModel, pools: number): Promise<void> {
  const pool = model.pools[0]!;
  model.check();
  // As upkeep does from the event loop.
  unfinished.undoInterrupted();
  model.closeOpened();
  await release(model);
  // One first, because a second refill makes good what the first has missed.
  for (const count of [1, 3]) {
    for (const size of [FRESH, ...SIZES]) model.bufs.push(...pool.acquireMany(size, count));
    model.check();
    await release(model);
  }
  // A guard sees to what was cut off when it is asked for memory, or to give some back.
  for (const one of model.pools) one.trim();
  expect(model.pools.map((one) => one.stats().inUseBytes)).toEqual([0, 0, 0]);
  for (const one of model.pools) expect(one.check()).toEqual([]);
  // A pool that was cut off while it was made or closed is closed by upkeep.
  await vi.waitUntil(() => countPools() === pools);
}

/** Each cut of each step, of pools with `options`. */
export function testEachStep(
  options: BufferPoolOptions = {},
  cuts = CUTS,
  isTested: (step: string) => boolean = () => true,
): void {
  describe.each(cuts)('by %s', (how) => {
    test.for(Object.keys(all).filter(isTested))('in %s', async (name) => {
      const model = makeModel(superslab.BufferPool, options);
      const pools = countPools();
      let at = 0;
      let wasCut = true;
      try {
        while (wasCut) {
          at++;
          begin(model, at, name);
          wasCut = cutOff(() => mayThrow(() => all[name]!(model)), at, how);
          await end(model, pools);
        }
        await isWhole(model);
      } catch (error) {
        throw new Error(`point ${at}: ${place}`, { cause: error });
      } finally {
        model.close();
      }
      expect(at).toBeGreaterThan(1);
    });
  });
}
