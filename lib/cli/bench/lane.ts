// A process that measures one kind of memory at one kind of work, turn by turn: what V8 learned from one
// and the garbage of one do not touch the others. Its arguments are the source and the work, as JSON.
import type { Memory, Source, Work } from './work.js';
import { loopOf } from './work.js';

/** Nothing to do: the collector finds it. */
const leaveToCollector = (_: Uint8Array): void => {};

function memoryOf(source: Source): Memory {
  switch (source.kind) {
    case 'superslab': {
      const { BufferPool } = require('../../index.js') as typeof import('../../index.js');
      const pool = new BufferPool({ name: 'bench', ...source.options });
      return { acquire: pool.acquire, release: pool.release };
    }
    case 'Buffer.allocUnsafe':
      return { acquire: (size) => Buffer.allocUnsafe(size), release: leaveToCollector };
    case 'Buffer.alloc':
      return { acquire: (size) => Buffer.alloc(size), release: leaveToCollector };
  }
}

/** Operations that are timed as one: about a millisecond, so that neither the clock nor overshoot counts. */
let chunk = 1;

/** Nanoseconds an operation, over at least `ms` and `least` operations. */
function measure(run: (n: number) => void, ms: number, least: number): number {
  let operations = 0;
  let elapsed = 0;
  while (elapsed < ms * 1e6 || operations < least) {
    const n = chunk;
    const start = process.hrtime.bigint();
    run(n);
    const took = Number(process.hrtime.bigint() - start);
    operations += n;
    elapsed += took;
    if (took < 5e5) chunk *= 2;
    else if (took > 2e6 && n > 1) chunk >>>= 1;
  }
  return elapsed / operations;
}

const [source, work] = process.argv.slice(2).map((text) => JSON.parse(text)) as [Source, Work];
const run = loopOf(memoryOf(source), work);

process.on('message', (ms: number) => {
  // First as long as it takes for each slot to have been used, and the code to have been compiled.
  measure(run, ms / 4, 4 * work.slots);
  process.send!(measure(run, ms, 1));
});
