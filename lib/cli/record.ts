import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { CliError, EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { runOnLibrary } from './run.js';

/** What a trace begins with (native/trace/trace_format.h). */
const MAGIC = 'SSTRACE\n';

const traceError = (message: string) => new CliError('ERR_SUPERSLAB_TRACE', EXIT.cannotRun, message);

/** Makes way for a new trace: only another trace is removed for it. */
function makeWay(file: string): void {
  if (!existsSync(file)) {
    if (!existsSync(path.dirname(file))) {
      throw traceError(
        `there is no folder ${path.dirname(file)} for the trace; make it, or name another one`,
      );
    }
    return;
  }
  if (!statSync(file).isFile() || !readFileSync(file).subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) {
    throw traceError(`${file} is there already and is no trace; name another file, or remove it`);
  }
  rmSync(file);
}

/** `superslab record`: a program with libsuperslab.so as its malloc, which writes down what it does. */
export const record: Command = {
  usage: 'record --output=FILE [--knob=value ...] [--json] program [args]',
  summary: 'run a program and record what it allocates and frees',
  options: { output: 'value', json: 'nothing' },
  operands: 'program',
  exits: {
    [EXIT.cannotRun]: 'the program cannot run on superslab, or the trace cannot be written',
    [EXIT.notFound]: 'there is no such program; else those of the program',
  },

  help() {
    return [
      'Runs the program as superslab run does, and writes each allocation and each',
      'free, of every thread and of the programs that it starts in turn, to FILE:',
      '16 bytes each. Each call takes a little longer for it.',
      '',
      '  superslab record -o app.trace -- python3 app.py',
      '  superslab record --output=app.trace --record-bytes=1g -- git log',
      '  superslab tune app.trace -o app.policy',
      '',
      '-o FILE, --output=FILE is replaced if it is a trace. Recording ends at',
      '--record-bytes, 256m. A program may be killed at any time: what it did until',
      'then is in the file. --policy=FILE: as of superslab run.',
      '',
      '--json: errors of this command are written to standard error as JSON.',
    ];
  },

  async run(args) {
    const value = args.value('output');
    if (!value) throw usageError('no file for the trace; write superslab record -o FILE -- program');
    const file = path.resolve(value);
    if (args.operands.length > 0) makeWay(file);
    return runOnLibrary(args, 'record -o FILE', ['json', 'policy', 'output'], { SUPERSLAB_RECORD: file });
  },
};
