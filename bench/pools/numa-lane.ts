// A process that runs one variant of `bench -- pools numa`: buffers of one size, got and given back. Argument: the variant.
import { BufferPool } from 'superslab';
import { NumaPool } from 'superslab/pools';
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { type NumaVariant, SIZE } from './numa-variants.js';

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

const loop =
  <Buf extends Uint8Array>(get: (size: number) => Buf, put: (buf: Buf) => void): Loop['run'] =>
  (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const buf = get(SIZE);
      sum += buf.length;
      put(buf);
    }
    sink += sum;
  };

function runOf(variant: NumaVariant): Loop['run'] {
  switch (variant) {
    case 'superslab': {
      const pool = new NumaPool({ name: 'bench' });
      return loop(pool.get, pool.put);
    }
    case 'BufferPool': {
      const pool = new BufferPool({ name: 'bench' });
      return loop(pool.acquire, pool.release);
    }
    case 'allocUnsafeSlow':
      return loop(Buffer.allocUnsafeSlow, () => {});
  }
}

const timer = new Timer({ run: runOf(process.argv[2] as NumaVariant), settles: 64 });

serve<Turn, number>((turn) => timer.take(turn));
