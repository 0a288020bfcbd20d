// Whole saved policies that compete: what their contest costs against each of them alone.
import { join } from 'node:path';
import type { TraceTuning } from '../../lib/addon/trace-binding.js';
import type { Row } from '../support/report.js';
import { makeDemand } from './demand.js';

type SavedPolicy = readonly [name: string, text: string];
type Tune = (file: string, policies: readonly SavedPolicy[]) => TraceTuning;

/** CRC-32C, as the last line of a policy file has it. */
function crc32c(text: string): string {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (~crc >>> 0).toString(16);
}

/** A policy for the machine that `like` is for, with these settings. */
function policyOf(like: string, settings: Readonly<Record<string, string>>): string {
  const machine = like.split('\n').filter((line) => line !== '' && !/^(set|class|end) /.test(line));
  const set = Object.entries(settings).map(([name, value]) => `set ${name} ${value}`);
  const text = `${[...machine, ...set].join('\n')}\n`;
  return `${text}end ${crc32c(text)}\n`;
}

/** What somebody might have saved: the profiles, and what was tuned for each phase by itself. */
function savedPolicies(folder: string, tune: Tune): SavedPolicy[] {
  const file = join(folder, 'phase.trace');
  const tuned = [0, 1].map((phase) => {
    makeDemand('stationary', file, phase);
    return tune(file, []).policy;
  });
  const like = tuned[0]!;
  return [
    ['low-memory', policyOf(like, { SUPERSLAB_PROFILE: 'low-memory' })],
    ['throughput', policyOf(like, { SUPERSLAB_PROFILE: 'throughput' })],
    ['tuned for the first phase', tuned[0]!],
    ['tuned for the second phase', tuned[1]!],
  ];
}

/** A row for each shape of demand, of what came after the first 40 windows. */
export function policyRows(folder: string, shapes: readonly string[], tune: Tune): Row[] {
  const saved = savedPolicies(folder, tune);
  const file = join(folder, 'shape.trace');
  return shapes.map((shape) => {
    makeDemand(shape, file);
    const { rows } = tune(file, saved);
    const later = (kind: string) => rows.filter((row) => row.kind === kind);
    const toUs = (ns: number | undefined) => (ns ?? Number.NaN) / 1000;
    return {
      case: `${shape}: contest of saved policies, after 40 windows`,
      unit: 'µs',
      superslab: toUs(later('contest')[0]?.laterCostNs),
      peers: Object.fromEntries(later('saved').map((row) => [row.name, toUs(row.laterCostNs)])),
    };
  });
}
