// Whole saved policies that compete: what their contest costs against each of them alone.
import { join } from 'node:path';
import type { TraceTuning, TunedRow } from '../../lib/addon/trace-binding.js';
import type { Row } from '../support/report.js';
import { crc32c, TraceWriter } from './trace-writer.js';

const KIB = 1024;

export type SavedPolicy = readonly [name: string, text: string];
type Tune = (file: string, policies: readonly SavedPolicy[]) => TraceTuning;

/** A policy for the machine that `like` is for, with these settings. */
function policyOf(like: string, settings: Readonly<Record<string, string>>): string {
  const machine = like.split('\n').filter((line) => line !== '' && !/^(set|class|end) /.test(line));
  const set = Object.entries(settings).map(([name, value]) => `set ${name} ${value}`);
  const text = `${[...machine, ...set].join('\n')}\n`;
  return `${text}end ${crc32c(Buffer.from(text)).toString(16)}\n`;
}

/** Bursts of blocks, and how far they lie apart. What is kept between them serves the next one, and costs as long as it is kept. */
interface Phase {
  readonly bytes: number;
  readonly blocks: number;
  readonly pauseNs: number;
}

const PHASES: readonly Phase[] = [
  { bytes: 16 * KIB, blocks: 250, pauseNs: 0.25e9 },
  { bytes: 256 * KIB, blocks: 250, pauseNs: 4e9 },
];
const BURSTS = 800;
/** A replay makes 200 windows. */
const BURSTS_OF_WINDOW = BURSTS / 200;

/** Windows after which the phase changes; none where it never does. */
const SHAPES: Readonly<Record<string, number>> = {
  'bursts each 250 ms': Number.POSITIVE_INFINITY,
  'bursts each 250 ms or 4 s, in turns of 20 windows': 20,
  'and in turns of 4 windows': 4,
};

function makeBursts(file: string, windowsOfPhase: number, first = 0): void {
  const writer = new TraceWriter();
  for (let burst = 0; burst < BURSTS; burst++) {
    const turn = Math.floor(burst / BURSTS_OF_WINDOW / windowsOfPhase);
    const { bytes, blocks, pauseNs } = PHASES[(first + turn) % PHASES.length]!;
    for (let i = 1; i <= blocks; i++) {
      writer.allocate(bytes * 64 + i, bytes);
      writer.pass(2000);
    }
    for (let i = 1; i <= blocks; i++) {
      writer.free(bytes * 64 + i);
      writer.pass(2000);
    }
    writer.pass(pauseNs);
  }
  writer.save(file);
}

/** What somebody might have saved: the profiles, and what was tuned for each phase by itself. */
function savedPolicies(file: string, tune: Tune): SavedPolicy[] {
  const tuned = [0, 1].map((phase) => {
    makeBursts(file, Number.POSITIVE_INFINITY, phase);
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
export function policyRows(folder: string, isQuick: boolean, tune: Tune): Row[] {
  const file = join(folder, 'bursts.trace');
  const saved = savedPolicies(file, tune);
  return Object.entries(SHAPES)
    .slice(0, isQuick ? 1 : undefined)
    .map(([shape, windowsOfPhase]) => {
      makeBursts(file, windowsOfPhase);
      const { rows } = tune(file, saved);
      const later = (kind: TunedRow['kind']) => rows.filter((row) => row.kind === kind);
      const toUs = (ns: number | undefined) => (ns ?? Number.NaN) / 1000;
      return {
        case: `${shape}: contest, after 40 windows`,
        unit: 'µs',
        superslab: toUs(later('contest')[0]?.laterCostNs),
        peers: Object.fromEntries(later('saved').map((row) => [row.name, toUs(row.laterCostNs)])),
      };
    });
}
