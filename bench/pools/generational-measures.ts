// What is measured of GenerationalPool beside its speed.
import { GenerationalPool } from 'superslab/pools';
import { quantile } from '../support/numbers.js';
import { scopes } from './generational-variants.js';

const YOUNG = 64 * 2 ** 20;
const VALUE = Buffer.alloc(120, 7);
const PER_YOUNG = Math.floor((YOUNG * 0.98) / VALUE.length);
const SURVIVES_ONE_OF = 10;
const STEP_BUDGET_MS = 0.5;
/** Collections of which the survivors live at once. */
const ROUNDS_KEPT = 3;

const pool = new GenerationalPool({ name: 'pauses', young: YOUNG });
const kept: Float64Array[] = [];

/** Fills young once; a tenth of it is alive then. */
function fillYoung(): void {
  const handles = new Float64Array(PER_YOUNG);
  const survivors = new Float64Array(Math.ceil(PER_YOUNG / SURVIVES_ONE_OF));
  for (let i = 0; i < PER_YOUNG; i++) handles[i] = pool.put(VALUE);
  for (let i = 0; i < PER_YOUNG; i++) {
    if (i % SURVIVES_ONE_OF === 0) survivors[i / SURVIVES_ONE_OF] = handles[i]!;
    else pool.free(handles[i]!);
  }
  kept.push(survivors);
  if (kept.length > ROUNDS_KEPT) for (const handle of kept.shift()!) pool.free(handle);
}

/** A quantile of the steps of one collection of a full young, in milliseconds. */
export function longestStep(q: number): number {
  fillYoung();
  const steps: number[] = [];
  let isDone = false;
  while (!isDone) {
    const start = performance.now();
    isDone = pool.collect({ budgetMs: STEP_BUDGET_MS });
    steps.push(performance.now() - start);
  }
  return quantile(steps, q);
}

/** Committed bytes after so many requests, as a multiple of live bytes and young together. */
export function footprintAfter(requests: number): number {
  const young = 2 ** 22;
  const { run, figures } = scopes(young);
  for (let i = 0; i < requests; i++) run();
  const { liveBytes, committedBytes } = figures();
  return committedBytes / (liveBytes + young);
}
