// A process that runs one variant of one case of `bench -- pools object`. Arguments: the variant, the case as JSON.
import { serve } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { asyncObjects, type ObjectVariant, syncObjects } from './object-variants.js';

export interface ObjectCase {
  readonly isAsync: boolean;
  /** Objects that are taken before they are given back; those who wait in turn are more than the pool has. */
  readonly count: number;
}

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

type Run = (n: number) => void | Promise<void>;

function synchronous(variant: ObjectVariant): Run {
  const { get, put } = syncObjects(variant);
  return (n) => {
    for (let i = 0; i < n; i++) {
      const object = get();
      object.used++;
      put(object);
    }
    sink += n;
  };
}

function inTurn(variant: ObjectVariant): Run {
  const objects = asyncObjects(variant);
  return async (n) => {
    for (let i = 0; i < n; i++) {
      const object = await objects.acquire();
      object.used++;
      objects.release(object);
    }
    sink += n;
  };
}

function atOnce(variant: ObjectVariant, count: number): Run {
  const objects = asyncObjects(variant);
  const one = async () => {
    const object = await objects.acquire();
    object.used++;
    objects.release(object);
  };
  return async (n) => {
    for (let i = 0; i < n; i += count) await Promise.all(Array.from({ length: count }, one));
    sink += n;
  };
}

const [variant, json] = process.argv.slice(2) as [ObjectVariant, string];
const { isAsync, count } = JSON.parse(json) as ObjectCase;
const run = !isAsync ? synchronous(variant) : count === 1 ? inTurn(variant) : atOnce(variant, count);

let chunk = 1024;

/** Nanoseconds per operation over at least `ms`. */
async function repeat(ms: number): Promise<number> {
  let operations = 0;
  let elapsed = 0;
  while (elapsed < ms * 1e6) {
    const start = process.hrtime.bigint();
    // Without a promise to wait for where there is none.
    const running = run(chunk);
    if (running !== undefined) await running;
    const took = Number(process.hrtime.bigint() - start);
    operations += chunk;
    elapsed += took;
    // Chunks of about a millisecond: shorter ones would measure the clock, longer ones overshoot.
    if (took < 5e5) chunk *= 2;
    else if (took > 4e6 && chunk > 1024) chunk >>>= 1;
  }
  return elapsed / operations;
}

serve<Turn, number>(async ({ ms }) => {
  await repeat(ms / 4);
  return repeat(ms);
});
