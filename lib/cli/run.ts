import { EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { applyKnobs, knobOf } from './knobs.js';
import { findLibrary, preload } from './library.js';
import { checkProgram, findProgram } from './program.js';
import { standInFor } from './stand-in.js';

/** `superslab run`: a program with libsuperslab.so as its malloc. */
export const run: Command = {
  usage: 'run [--knob=value ...] [--json] [--] program [arguments]',
  summary: 'run a program on superslab instead of its malloc',
  options: { json: 'nothing' },
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
      '--json: when the program cannot be run, the reason is written to standard',
      'error as {"error": {"code", "message", "exitCode"}}.',
    ];
  },

  async run({ options, operands }) {
    const [program, ...rest] = operands;
    if (program === undefined) {
      throw usageError('no program to run; write superslab run [--knob=value ...] program [arguments]');
    }
    applyKnobs(new Map(options.filter(({ arg }) => arg !== '--json').map(knobOf)));
    const library = findLibrary();
    const file = findProgram(program, process.env.PATH);
    checkProgram(file, library.elf);
    const env = { ...process.env, LD_PRELOAD: preload(library.path, process.env.LD_PRELOAD) };
    return standInFor(file, [program, ...rest], env);
  },
};
