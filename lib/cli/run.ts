import path from 'node:path';
import type { Arguments } from './arguments.js';
import { EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { applyKnobs, knobOf } from './knobs.js';
import { findLibrary, preload } from './library.js';
import { checkProgram, findProgram } from './program.js';
import { standInFor } from './stand-in.js';

/**
 * Runs the program that `args` name on libsuperslab.so, with `extra` variables; resolves to its exit code. Options but
 * those of the command's `own` are knobs.
 */
export async function runOnLibrary(
  { options, operands }: Arguments,
  command: string,
  own: readonly string[],
  extra: Record<string, string> = {},
): Promise<number> {
  const [program, ...rest] = operands;
  if (program === undefined) {
    throw usageError(`no program to run; write superslab ${command} [--knob=value ...] program [arguments]`);
  }
  const policy = options.findLast(({ name }) => name === 'policy');
  if (policy !== undefined) {
    if (!policy.value) throw usageError('--policy lacks its value: write --policy=FILE');
    // The program may go to another folder before one that it starts reads it.
    process.env.SUPERSLAB_POLICY = path.resolve(policy.value);
  }
  applyKnobs(new Map(options.filter(({ name }) => !own.includes(name)).map(knobOf)));
  const library = findLibrary();
  const file = findProgram(program, process.env.PATH);
  checkProgram(file, library.elf);
  const env = { ...process.env, ...extra, LD_PRELOAD: preload(library.path, process.env.LD_PRELOAD) };
  return standInFor(file, [program, ...rest], env);
}

/** `superslab run`: a program with libsuperslab.so as its malloc. */
export const run: Command = {
  usage: 'run [--knob=value ...] [--policy=FILE] [--json] program [args]',
  summary: 'run a program on superslab instead of its malloc',
  options: { json: 'nothing', policy: 'value' },
  operands: 'program',
  exits: {
    [EXIT.cannotRun]: 'the program cannot run on superslab',
    [EXIT.notFound]: 'there is no such program; else those of the program',
  },

  help() {
    return [
      'Preloads libsuperslab.so into the program and what it starts in turn.',
      'Ends as the program ends: the same exit code, the same signal.',
      '',
      '  superslab run node server.js',
      '  superslab run --profile=low-memory -- redis-server --port 7000',
      '  superslab run --check=1 --stats=1 -- python3 script.py',
      '',
      'Every knob is an option: --purge-delay-ms=500 is SUPERSLAB_PURGE_DELAY_MS=500,',
      'and wins over that variable. superslab knobs lists them.',
      '',
      '--policy=FILE: what superslab tune wrote; single knobs win over it.',
      '',
      '--json: when the program cannot be run, the reason is written to standard',
      'error as {"error": {"code", "message", "exitCode"}}.',
    ];
  },

  run: (args) => runOnLibrary(args, 'run', ['json', 'policy']),
};
