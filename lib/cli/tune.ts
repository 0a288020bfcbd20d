import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TraceFacts, TraceTuning, TunedRow } from '../addon/trace-binding.js';
import { bytes, count, counted, duration, printable } from '../base/text.js';
import { CliError, EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { styleOfOutput, table, wrap, writeJson, writeLines } from './output.js';
import { type SavedPolicy, savedPolicies } from './saved-policies.js';

type Native = typeof import('../addon/binding.js');

const MAX_PRICE = 1e9;

function tuning(file: string, price: number, saved: readonly SavedPolicy[]): TraceTuning {
  const { binding } = require('../addon/binding.js') as Native;
  const found = binding.tuneTrace(path.resolve(file), price, saved);
  if (!('error' in found)) return found;
  if (found.error === 'policy') {
    // The words are those for the variable of that name.
    const words = found.message.replace(/^SUPERSLAB_POLICY is "/, '--saved names "');
    throw new CliError('ERR_SUPERSLAB_POLICY', EXIT.cannotRun, words);
  }
  throw new CliError('ERR_SUPERSLAB_TRACE', EXIT.cannotRun, `${printable(file)}: ${found.message}`);
}

function heading(file: string, trace: TraceFacts): string[] {
  const { events, processes, threads, seconds, dropped, isFull, lostFrees } = trace;
  const who = `${counted(processes, 'process').replace('processs', 'processes')}, ${counted(threads, 'thread')}`;
  const lines = [
    `${printable(file)}: ${count(events)} events, ${who}, ${duration(seconds * 1e9)}, recorded by superslab ${printable(trace.superslab)}`,
  ];
  if (isFull) lines.push('The file was full before the program ended: this is about its beginning.');
  if (dropped > 0) lines.push(`${count(dropped)} events found no place, and are missing.`);
  if (lostFrees > 0) lines.push(`${count(lostFrees)} frees are missing.`);
  return lines;
}

const cells = (row: TunedRow, first: TunedRow): string[] => [
  printable(row.name),
  duration(row.costNs),
  (row.costNs / first.costNs).toFixed(3),
  count(row.refills + row.spills),
  count(row.faults),
  count(row.purges),
  bytes(row.peakBytes),
  row.mibSeconds.toFixed(2),
];

const HEAD = ['', 'cost', 'ratio', 'slow calls', 'faults', 'purges', 'most memory', 'MiB s'];

/** Whether a setting made no difference to speak of. */
const isAlike = (row: TunedRow, first: TunedRow) => Math.abs(row.costNs / first.costNs - 1) < 0.0005;

/** The policy's own lines, without those about the machine. */
const settings = (policy: string) => policy.split('\n').filter((line) => /^(set|class) /.test(line));

/** What came of the saved policies' contest. */
function contest(rows: readonly TunedRow[]): string[] {
  const together = rows.find(({ kind }) => kind === 'contest');
  const best = rows
    .filter(({ kind }) => kind === 'saved')
    .sort((a, b) => (a.laterCostNs ?? 0) - (b.laterCostNs ?? 0))[0];
  if (together === undefined || best === undefined) return [];
  const cost = together.laterCostNs ?? 0;
  if (cost === 0)
    return ['The trace has no more than 40 intervals, in which a contest is to find the best policy.'];
  const ratio = (cost / (best.laterCostNs ?? 0)).toFixed(3);
  return [
    `From the 41st interval on, the contest cost ${ratio} times what the best saved policy alone did: ${printable(best.name)}.`,
  ];
}

function told(file: string, { trace, rows, policy }: TraceTuning, saved: string | undefined): string[] {
  const { width } = styleOfOutput();
  const first = rows[0]!;
  const kinds = (kind: TunedRow['kind']) => rows.filter((row) => row.kind === kind);
  const settingsRows = [...kinds('profile'), ...kinds('fixed')].sort((a, b) => a.costNs - b.costNs);
  const byCost = settingsRows.filter((row) => !isAlike(row, first));
  const without = settingsRows.filter((row) => isAlike(row, first)).map(({ name }) => name);
  const saves = [...kinds('saved'), ...kinds('contest')];
  const groups = [[first], byCost, kinds('rule'), saves, kinds('best')];
  const lines = table([HEAD, ...groups.flat().map((row) => cells(row, first))]);
  const found = settings(policy);
  const said =
    found.length === 0
      ? 'Nothing costs less than the defaults by more than a hundredth: the policy says nothing but where it was found out.'
      : `The policy: ${found.join(', ')}.`;
  return [
    ...heading(file, trace),
    '',
    ...lines,
    '',
    ...(without.length === 0 ? [] : [...wrap(`The same as the defaults: ${without.join(', ')}.`, width), '']),
    ...contest(saves).flatMap((line) => [...wrap(line, width), '']),
    ...wrap(said, width),
    ...(saved === undefined
      ? []
      : [`Written to ${printable(saved)}: superslab run --policy=${printable(saved)} -- program`]),
  ];
}

/** `superslab tune`: which settings a recorded program wants. */
export const tune: Command = {
  usage: 'tune FILE [--output=F] [--saved=L] [--mib-second-ns=n] [--json]',
  summary: 'find out which settings a recorded program wants',
  options: { output: 'value', saved: 'value', 'mib-second-ns': 'value', json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'done',
    [EXIT.cannotRun]:
      'the file is no trace, is damaged or of another version, or a policy cannot be read or written',
  },

  help() {
    return [
      'Replays a trace of superslab record on synthetic time: by the defaults, by each',
      'value of a grid of settings, by rules that others use, and by the best of all,',
      'and prints what each would have cost. The same trace gives the same table.',
      '',
      '  superslab tune app.trace',
      '  superslab tune app.trace -o app.policy',
      '  superslab run --policy=app.policy -- python3 app.py',
      '',
      '-o FILE, --output=FILE: writes the best as a policy file.',
      '--saved=a.policy:b.policy, or a folder of such files: replays each, and a',
      'contest in which they take turns by what the program does at the time.',
      'cost: slow calls, page faults, system calls, and memory by time, at the prices',
      'of docs/TUNING.md. --mib-second-ns: what a MiB that is in memory for a second',
      'costs; more makes the program smaller, less makes it faster.',
      '',
      '--json prints {trace, rows, policy}.',
    ];
  },

  async run(args) {
    const file = args.operands[0]!;
    const saved = savedPolicies(args.value('saved'));
    const found = tuning(file, args.number('mib-second-ns', 0, MAX_PRICE, 0), saved);
    const output = args.value('output');
    if (output !== undefined) savePolicy(output, found.policy);
    if (args.has('json')) writeJson(found);
    else writeLines(told(file, found, output));
    return EXIT.done;
  },
};

/** Writes a policy file, for this user to change and all to read. */
export function savePolicy(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const { message } = error as Error;
    throw new CliError('ERR_SUPERSLAB_POLICY', EXIT.cannotRun, `the policy cannot be written: ${message}`);
  }
}
