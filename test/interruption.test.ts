// The whole API, cut off wherever JavaScript can be cut off while its environment lives on: by a stack that is full, at
// each depth, and by timeouts of `vm`, at random. Nothing is lost, nothing is lent twice, and the pools go on working.
import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isWhole, makeModel, mayThrow, prepare, steps } from './support/api-steps.js';

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
      if (model.bufs.length > 40) model.pools[0]!.releaseMany(model.live.slice(0, 20));
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
