// A process that runs one mode of one case. Arguments: the mode, bytes a buffer, and whether all of them are
// written.
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { type Mode, memoryOf } from './variants.js';

const [mode, size, written] = process.argv.slice(2) as [Mode, string, string];
const { acquire, release } = memoryOf(mode);
const bytes = Number(size);
const fill = Uint8Array.prototype.fill;

/** What the loops read ends here, so that none of it can be left out. */
export let sink = 0;

const bare: Loop['run'] = (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const buf = acquire(bytes);
    sum += buf.length;
    release(buf);
  }
  sink += sum;
};

const writeAll: Loop['run'] = (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const buf = acquire(bytes);
    fill.call(buf, i & 255);
    sum += buf[bytes - 1]!;
    release(buf);
  }
  sink += sum;
};

// The first samples of a pool come in a burst: it is over before anything is measured.
const timer = new Timer({ run: written === 'written' ? writeAll : bare, settles: 20_000 });

serve<Turn, number>((turn) => timer.take(turn));
