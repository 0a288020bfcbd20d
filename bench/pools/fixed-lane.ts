// A process that runs one variant of one case of `bench -- pools fixed`. Arguments: the variant, the case as JSON.
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { type FixedMemory, type FixedVariant, fixedMemory } from './fixed-lists.js';

export interface FixedCase {
  readonly size: number;
  /** Buffers that are got, and then put, at a time; 1: by get() and put(), more: by the calls for many. */
  readonly count: number;
}

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

function single({ get, put }: FixedMemory): Loop['run'] {
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const buf = get();
      sum += buf.length;
      put(buf);
    }
    sink += sum;
  };
}

function bulk(memory: FixedMemory, count: number): Loop['run'] {
  const bufs: Uint8Array[] = [];
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += count) {
      memory.getBulk(count, bufs);
      sum += bufs[0]!.length;
      memory.putBulk(bufs);
    }
    sink += sum;
  };
}

const [variant, json] = process.argv.slice(2) as [FixedVariant, string];
const { size, count } = JSON.parse(json) as FixedCase;
const memory = fixedMemory(variant, size);
const timer = new Timer({ run: count === 1 ? single(memory) : bulk(memory, count), settles: 64 });

serve<Turn, number>((turn) => timer.take(turn));
