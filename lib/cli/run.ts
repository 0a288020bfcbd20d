import { usageError } from './cli-error.js';
import type { Command } from './command.js';
import { applyKnobs, knobDefaults, parseKnob } from './knobs.js';
import { findLibrary, preload } from './library.js';
import { checkProgram, findProgram } from './program.js';
import { standInFor } from './stand-in.js';

interface RunArguments {
  readonly knobs: ReadonlyMap<string, string>;
  /** The program's name and what it is given. */
  readonly argv: readonly [string, ...string[]];
}

function parse(args: readonly string[]): RunArguments {
  const knobs = new Map<string, string>();
  let next = 0;
  for (; next < args.length; next++) {
    const arg = args[next]!;
    if (!arg.startsWith('-') || arg === '-' || arg === '--') break;
    knobs.set(...parseKnob(arg));
  }
  const [program, ...rest] = args.slice(args[next] === '--' ? next + 1 : next);
  if (program === undefined) {
    throw usageError('no program to run; write superslab run [--knob=value ...] program [arguments]');
  }
  return { knobs, argv: [program, ...rest] };
}

/** Words in lines of at most 78 characters. */
function wrap(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + word.length <= 78) lines.push(`${lines.pop()}  ${word}`);
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** `superslab run`: a program with libsuperslab.so as its malloc. */
export const run: Command = {
  usage: 'run [--knob=value ...] [--] program [arguments]',
  summary: 'run a program on superslab instead of its malloc',

  help() {
    const knobs = knobDefaults();
    return [
      'Preloads libsuperslab.so into the program and what it starts in turn.',
      'Ends as the program ends: the same exit code, the same signal.',
      '',
      '  superslab run node server.js',
      '  superslab run --profile=low-memory -- redis-server --port 7000',
      '',
      ...(knobs.length === 0 ? [] : ['Knobs and their defaults:', wrap(knobs), '']),
      "Each is a SUPERSLAB_* variable too; the README's table tells what they mean.",
      'Exit codes of its own: 64 wrong arguments, 126 the program cannot run on',
      'superslab, 127 there is no such program.',
      '',
    ].join('\n');
  },

  async run(args) {
    const { knobs, argv } = parse(args);
    applyKnobs(knobs);
    const library = findLibrary();
    const program = findProgram(argv[0], process.env.PATH);
    checkProgram(program, library.elf);
    const env = { ...process.env, LD_PRELOAD: preload(library.path, process.env.LD_PRELOAD) };
    return standInFor(program, argv, env);
  },
};
