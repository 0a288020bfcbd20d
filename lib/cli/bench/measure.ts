// A lane's process: measures one kind of memory at one kind of work. Its arguments are the source and the work, as JSON.
import { serve } from './lane.js';
import { Timer, type Turn } from './turns.js';
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

const [source, work] = process.argv.slice(2).map((text) => JSON.parse(text)) as [Source, Work];
const loop = { run: loopOf(memoryOf(source), work), settles: 4 * work.slots };
const timer = new Timer(loop);

serve<Turn, number>((turn) => timer.take(turn));
