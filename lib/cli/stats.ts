import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryFacts } from '../addon/figures.js';
import { printable } from '../base/text.js';
import type { ProcessStats } from '../stats/pool-stats.js';
import type { Arguments } from './arguments.js';
import { CliError, EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { lookingExits, lookingHelp, lookingOptions, tellEnd } from './looking.js';
import { jsonText, type Style, styleOfOutput, wrap, writeJson, writeLines } from './output.js';
import { type Before, type Besides, statsLines } from './stats-text.js';
import { resolveTarget, type Target } from './target.js';

/** Clears the screen and begins at its top (ECMA-48). */
const CLEAR = '\u001b[H\u001b[J';

const MIN_SECONDS = 0.1;
const MAX_SECONDS = 3600;

const read = (target: Target) => target.getJson<ProcessStats>('stats.json');

/** undefined where the process cannot tell: its kernel does not, or its superslab is older. */
async function readMemory(target: Target): Promise<MemoryFacts | undefined> {
  try {
    return await target.getJson<MemoryFacts>('memory.json');
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

const heading = ({ title, hello }: Target, { width }: Style) =>
  wrap(printable(`${title}, Node.js ${hello.node}, superslab ${hello.version}`), width);

/** One object a line, so that each can be read as it comes. */
const writeJsonLine = (value: unknown) => process.stdout.write(`${jsonText(value)}\n`);

function linesOf(target: Target, stats: ProcessStats, besides: Besides): string[] {
  const style = styleOfOutput();
  return [...heading(target, style), ...statsLines(stats, style, besides)];
}

function show(target: Target, stats: ProcessStats, before?: Before): void {
  const isScreen = process.stdout.isTTY === true;
  const lines = linesOf(target, stats, { before });
  if (!isScreen) {
    writeLines(before === undefined ? lines : ['', ...lines]);
    return;
  }
  // What does not fit would scroll the rest away.
  process.stdout.write(CLEAR);
  writeLines(lines.slice(0, Math.max(1, (process.stdout.rows ?? 24) - 1)));
}

/** Until the process is gone, which is where this ends well. */
async function watch(target: Target, seconds: number, json: boolean): Promise<number> {
  let before: Before | undefined;
  let stats = await read(target);
  for (;;) {
    if (json) writeJsonLine(stats);
    else show(target, stats, before);
    const at = performance.now();
    await sleep(seconds * 1000);
    const last = stats;
    try {
      stats = await read(target);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      tellEnd(target);
      return EXIT.done;
    }
    before = { stats: last, seconds: (performance.now() - at) / 1000 };
  }
}

/** `superslab stats`: what the pools of a process hold and do. */
export const stats: Command = {
  usage: 'stats PID|URL [--json] [--watch[=seconds]] [--attach]',
  summary: 'what the pools of a running process hold and do',
  options: { ...lookingOptions, json: 'nothing', watch: 'value or nothing' },
  operands: [1, 1],
  exits: { [EXIT.done]: 'done', ...lookingExits },

  help() {
    return [
      'Prints the memory of the process, of each pool and size class, what went wrong,',
      'how long slow paths take, leaks, and misuse of buffers.',
      '',
      '  superslab stats 4711',
      '  superslab stats 4711 --watch=5',
      "  superslab stats 4711 --json | jq '.pools[] | {name, inUseBytes}'",
      '',
      ...lookingHelp,
      '',
      '--watch looks every 2 seconds, or as many as are given, until the process ends,',
      'and tells rates. Without it the kernel is asked, too, how much of the pools is',
      'resident, in huge pages and swapped out (milliseconds of a large process).',
      '--json prints what superslab.stats() returns, and "memory" with what the kernel',
      'says; with --watch a line each time.',
    ];
  },

  async run(args: Arguments) {
    const seconds = args.number('watch', MIN_SECONDS, MAX_SECONDS, 2);
    const json = args.has('json');
    const target = await resolveTarget(args.operands[0]!, { attach: args.has('attach') });
    if (args.has('watch')) return watch(target, seconds, json);
    const [now, memory] = [await read(target), await readMemory(target)];
    if (json) writeJson({ ...now, memory });
    else writeLines(linesOf(target, now, { memory }));
    return EXIT.done;
  },
};
