// The kinds of pool against what programs use instead: `npm run bench -- pools [kind]`.
import { compressed } from './pools/compressed.js';
import { fixed } from './pools/fixed.js';
import { fixedC } from './pools/fixed-c.js';
import { generational } from './pools/generational.js';
import { object } from './pools/object.js';
import { packet } from './pools/packet.js';
import type { PoolBench } from './pools/pool-bench.js';
import { record } from './pools/record.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const kinds: Record<string, PoolBench> = {
  compressed,
  fixed,
  'fixed-c': fixedC,
  generational,
  object,
  packet,
  record,
};

const options = benchOptions(Object.keys(kinds));
const rows: MeasuredRow[] = [];
for (const kind of options.parts) rows.push(...(await kinds[kind]!.rows(options.quick)));
const notes = options.parts.flatMap((kind) => kinds[kind]!.notes);
print('pools', rows, options, notes);
