// The kinds of pool against what programs use instead: `npm run bench -- pools [kind]`.
import { adaptive } from './pools/adaptive.js';
import { compressed } from './pools/compressed.js';
import { fixed } from './pools/fixed.js';
import { fixedC } from './pools/fixed-c.js';
import { generational } from './pools/generational.js';
import { generationalC } from './pools/generational-c.js';
import { numa } from './pools/numa.js';
import { object } from './pools/object.js';
import { packet } from './pools/packet.js';
import { packetC } from './pools/packet-c.js';
import type { PoolBench } from './pools/pool-bench.js';
import { record } from './pools/record.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const kinds: Record<string, PoolBench> = {
  adaptive,
  compressed,
  fixed,
  'fixed-c': fixedC,
  generational,
  numa,
  'generational-c': generationalC,
  object,
  packet,
  'packet-c': packetC,
  record,
};

const options = benchOptions(Object.keys(kinds));
const rows: MeasuredRow[] = [];
for (const kind of options.parts) rows.push(...(await kinds[kind]!.rows(options.quick)));
const notes = options.parts.flatMap((kind) => kinds[kind]!.notes);
print('pools', rows, options, notes);
