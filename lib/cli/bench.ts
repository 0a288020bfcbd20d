import { cpus } from 'node:os';
import { type Bench, benches, type Case } from './bench/benches.js';
import { compare, isNoisy, type Measured, type Pace } from './bench/rounds.js';
import { EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { applyKnobs } from './knobs.js';
import { figure, table, wrap, writeJson, writeLines } from './output.js';

const PACE: Pace = { rounds: 7, ms: 20 };
const QUICK: Pace = { rounds: 3, ms: 5 };

interface Row {
  readonly case: Case;
  readonly measured: readonly Measured[];
}

const spreadOf = ({ spread }: Measured) => `${Math.round(100 * spread)} %`;

/** Such as 25.3x. */
function times(value: number, base: number): string {
  const ratio = value / base;
  return `${ratio >= 100 ? Math.round(ratio) : ratio.toFixed(ratio >= 10 ? 1 : 2)}x`;
}

/** The first contender's times with their spread, the others' with their ratio to it: a column each. */
function caseRows({ contenders }: Bench, rows: readonly Row[]): string[][] {
  const [first, ...others] = contenders.map((contender) => contender.name);
  const header = ['ns', first!, '±', ...others.flatMap((other) => [other, ''])];
  const body = rows.map(({ case: { name }, measured: [base, ...peers] }) => [
    name,
    figure(base!.ns),
    spreadOf(base!),
    ...peers.flatMap((peer) => [figure(peer.ns), times(peer.ns, base!.ns)]),
  ]);
  return [header, ...body];
}

/** The same with a column for each case. */
function contenderRows({ contenders }: Bench, rows: readonly Row[]): string[][] {
  const header = ['ns', ...rows.flatMap(({ case: { name } }) => [name, ''])];
  const body = contenders.map(({ name }, i) => [
    name,
    ...rows.flatMap(({ measured }) => {
      const [base] = measured;
      return [figure(measured[i]!.ns), i === 0 ? `± ${spreadOf(base!)}` : times(measured[i]!.ns, base!.ns)];
    }),
  ]);
  return [header, ...body];
}

function noise(rows: readonly Row[]): string[] {
  if (!rows.some(({ measured }) => isNoisy(measured))) return [];
  return ['Other work disturbed this: some rounds lie far apart. Measure again when the machine rests.'];
}

function lines(bench: Bench, rows: readonly Row[]): string[] {
  const cells = bench.rows === 'cases' ? caseRows(bench, rows) : contenderRows(bench, rows);
  return [`${bench.name}: ${bench.about}`, '', ...table(cells), '', ...wrap(bench.note, 80), ...noise(rows)];
}

function machine() {
  const all = cpus();
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
  };
}

const asJson = ({ name, about }: Bench, rows: readonly Row[]) => ({
  name,
  about,
  unit: 'ns',
  cases: rows.map(({ case: { name: caseName, work }, measured }) => ({
    case: caseName,
    ...work,
    results: measured.map((one) => ({ ...one, ratio: one.ns / measured[0]!.ns })),
  })),
});

/** What is being measured, for somebody who waits in front of a terminal. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

async function measure(bench: Bench, quick: boolean): Promise<Row[]> {
  const cases = bench.cases.filter(({ isQuick }) => isQuick || !quick);
  const rows: Row[] = [];
  for (const [i, one] of cases.entries()) {
    progress(`${bench.name} ${i + 1}/${cases.length}: ${one.name}`);
    rows.push({ case: one, measured: await compare(bench.contenders, one.work, quick ? QUICK : PACE) });
  }
  progress('');
  return rows;
}

function chosen(name: string | undefined): readonly Bench[] {
  if (name === undefined) return benches;
  const found = benches.filter((bench) => bench.name === name);
  if (found.length > 0) return found;
  const names = benches.map((bench) => bench.name).join(', ');
  throw usageError(`no benchmark ${JSON.stringify(name)}; there is: ${names}`);
}

/** `superslab bench`: what buffers cost on this machine. */
export const bench: Command = {
  usage: 'bench [name] [--json] [--quick]',
  summary: 'measure buffers on this machine, against Buffer',
  options: { json: 'nothing', quick: 'nothing' },
  operands: [0, 1],
  exits: { [EXIT.done]: 'done', [EXIT.usage]: 'wrong arguments, or a wrong SUPERSLAB_* variable' },

  help() {
    const width = Math.max(...benches.map(({ name }) => name.length));
    return [
      'Measures on this machine, with this Node.js, in nanoseconds for one buffer taken',
      'and given back:',
      '',
      ...benches.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`),
      '',
      'Each kind of memory works in a process of its own; they take turns, and medians',
      'of the turns are compared. ± is half the distance between the quartiles of the',
      'first column: ratios closer than that say nothing. --quick takes fewer sizes and',
      'shorter turns: seconds, and noisier.',
      '',
      '  superslab bench --quick',
      '  SUPERSLAB_HUGE_PAGES=off superslab bench buffers',
      '',
      '--json prints {machine, quick, benches}; times there are in ns.',
    ];
  },

  async run(args) {
    const which = chosen(args.operands[0]);
    applyKnobs(new Map());
    const quick = args.has('quick');
    const json = args.has('json');
    const results: object[] = [];
    const { cpu, cpus: count, node } = machine();
    if (!json) writeLines([`${count} x ${cpu}, Node ${node}${quick ? ', --quick' : ''}`]);
    for (const one of which) {
      const rows = await measure(one, quick);
      if (json) results.push(asJson(one, rows));
      else writeLines(['', ...lines(one, rows)]);
    }
    if (json) writeJson({ machine: machine(), quick, benches: results });
    return EXIT.done;
  },
};
