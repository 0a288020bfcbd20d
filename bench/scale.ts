// C pools and malloc by more and more threads, up to twice as many as there are cores: `npm run bench -- scale`.
import { availableParallelism } from 'node:os';
import { LOCKED_LIST, OWN_MALLOC, otherMallocs, POOL, sourceSamples } from './support/fixed-program.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const PATTERNS = {
  own: 'each its own',
  pass: 'passed on',
} as const;

const options = benchOptions();
const cores = availableParallelism();
const sources = [POOL, OWN_MALLOC, LOCKED_LIST, ...otherMallocs()];
const threads = [...new Set([1, Math.ceil(cores / 2), cores, Math.ceil(cores * 1.5), 2 * cores])];

const rows: MeasuredRow[] = [];
/** Of the figures with one thread, by source. */
const linear: string[] = [];
for (const [pattern, name] of Object.entries(PATTERNS)) {
  const alone = new Map<string, number>();
  for (const count of threads) {
    const args = [256, pattern, count, options.quick ? 20 : 200];
    const samples = await sourceSamples(sources, options.quick ? 1 : 9, args);
    const best = new Map([...samples].map(([source, ns]) => [source, Math.min(...ns)]));
    if (count === 1) for (const [source, ns] of best) alone.set(source, ns);
    else if (count <= cores) {
      const parts = [...best].map(([source, ns]) => `${source} ${(alone.get(source)! / ns).toFixed(2)}`);
      linear.push(`Linear, ${name}, ${count} threads: ${parts.join(', ')}.`);
    }
    const own = samples.get(POOL.name)!;
    rows.push({
      case: `scale: 256 B, ${name}, ${count} ${count === 1 ? 'thread' : 'threads'}`,
      unit: 'ns of a core per object',
      superslab: median(own),
      peers: Object.fromEntries(sources.slice(1).map(({ name }) => [name, median(samples.get(name)!)])),
      spread: spread(own),
    });
  }
}
print('scale', rows, options, [
  `${cores} cores. Superslab is a fixed pool, ss malloc its malloc. Each its own: 16 objects live, the oldest replaced.`,
  'Passed on: the next thread puts what a thread got; who has nothing to do yields.',
  'Linear: the figure of one thread, divided by that of several up to the number of cores, of the fastest rounds.',
  ...linear,
]);
