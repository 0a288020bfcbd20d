// Settings and rules on traces, replayed on synthetic time, and what size classes waste: `npm run bench -- learn [part]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TraceTuning, TunedRow } from '../lib/addon/trace-binding.js';
import { makeDemand, SHAPES } from './learn/demand.js';
import { policyRows, type SavedPolicy } from './learn/policies.js';
import { recordPrograms } from './learn/programs.js';
import { sizeClassRows } from './learn/size-classes.js';
import { benchOptions } from './support/options.js';
import { print, type Row } from './support/report.js';

// The package's own module: what programs import has no replays.
const { binding, check } = createRequire(import.meta.url)(
  '../../dist/cjs/addon/binding.js',
) as typeof import('../lib/addon/binding.js');

const options = benchOptions(['demand', 'programs', 'classes', 'policies']);
const rows: Row[] = [];
const notes: string[] = [];

/** A line of the slow calls of each rule, at the same bytes, and one of all that a policy costs. */
function add(name: string, { trace, rows: tuned }: TraceTuning): void {
  const of = (kind: TunedRow['kind']) => tuned.filter((row) => row.kind === kind);
  const rules = of('rule');
  const named = (wanted: string) => rules.find((row) => row.name === wanted);
  const calls = ({ refills, spills }: TunedRow) => refills + spills;
  const superslab = named('learned');
  const defaults = of('default')[0]!;
  if (superslab !== undefined) {
    rows.push({
      case: `${name}: slow calls at 1 MiB`,
      unit: 'calls',
      superslab: calls(superslab),
      peers: Object.fromEntries([
        ...rules.filter((row) => row !== superslab).map((row) => [row.name, calls(row)]),
        ['defaults', calls(defaults)],
      ]),
    });
  }
  notes.push(`${name}: ${trace.events} events of ${trace.processes} processes.`);
  const fixed = [...of('profile'), ...of('fixed')].sort((a, b) => a.costNs - b.costNs)[0]!;
  const toUs = ({ costNs }: TunedRow) => costNs / 1000;
  rows.push({
    case: `${name}: cost, tuned`,
    unit: 'µs',
    superslab: toUs(of('best')[0]!),
    peers: { defaults: toUs(defaults), 'best single setting': toUs(fixed) },
  });
}

const folder = mkdtempSync(join(tmpdir(), 'superslab-learn-'));
try {
  const tune = (name: string, file: string) => add(name, check(binding.tuneTrace(file, 0, [])));
  if (options.parts.includes('demand')) {
    for (const shape of options.quick ? ['stationary'] : Object.keys(SHAPES)) {
      const file = join(folder, 'demand.trace');
      makeDemand(shape, file);
      tune(shape, file);
    }
  }
  if (options.parts.includes('programs')) {
    notes.push(...(await recordPrograms(folder, options.quick, tune)));
  }
  if (options.parts.includes('policies')) {
    const tuneSaved = (file: string, saved: readonly SavedPolicy[]) =>
      check(binding.tuneTrace(file, 0, saved));
    rows.push(...policyRows(folder, options.quick, tuneSaved));
  }
  if (options.parts.includes('classes')) rows.push(...sizeClassRows());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
print('learn', rows, options, notes);
