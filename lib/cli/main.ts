// `superslab COMMAND ...`: finds the command, prints what is wrong, sets the exit code.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../base/text.js';
import { type Arguments, checkArguments, splitArguments } from './arguments.js';
import { CliError, EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { jsonText, wrap } from './output.js';

/** Each is loaded when it is asked for: `--help` needs no addon. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).run,
  doctor: async () => (await import('./doctor.js')).doctor,
  stats: async () => (await import('./stats.js')).stats,
  report: async () => (await import('./report.js')).report,
  explain: async () => (await import('./explain.js')).explain,
  inspect: async () => (await import('./inspect.js')).inspect,
  bench: async () => (await import('./bench.js')).bench,
  check: async () => (await import('./check.js')).check,
  dump: async () => (await import('./dump.js')).dump,
  knobs: async () => (await import('./knob-list.js')).knobs,
  record: async () => (await import('./record.js')).record,
  tune: async () => (await import('./tune.js')).tune,
  policy: async () => (await import('./policy.js')).policy,
};

const HELP_WIDTH = 78;

function wrapped(prefix: string, text: string): string[] {
  return wrap(text, HELP_WIDTH - prefix.length).map((line, i) =>
    i === 0 ? prefix + line : ' '.repeat(prefix.length) + line,
  );
}

async function overview(): Promise<string> {
  const all = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => ({ name, summary: (await load()).summary })),
  );
  const width = Math.max(...all.map(({ name }) => name.length));
  const lines = all.map(({ name, summary }) => `  superslab ${name.padEnd(width)}  ${summary}`);
  return ['Usage:', ...lines, '', 'superslab COMMAND --help tells more; superslab --version.', ''].join('\n');
}

function helpOf({ usage, help, exits }: Command): string {
  const meanings = Object.entries({ [EXIT.usage]: 'wrong arguments', ...exits });
  const codes = meanings.map(([code, meaning]) => `${code} ${meaning}`).join(', ');
  return [`Usage: superslab ${usage}`, '', ...help(), '', ...wrapped('Exit codes: ', `${codes}.`), ''].join(
    '\n',
  );
}

function version(): string {
  // Compiled, this file lies in dist/cjs/cli/.
  const file = path.join(__dirname, '..', '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function commandNamed(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    const names = Object.keys(commands).join(', ');
    throw usageError(`no command ${JSON.stringify(name)}; there is: ${names}. See superslab --help`);
  }
  return load();
}

const isHelp = (arg: string | undefined) => arg === '--help' || arg === '-h';
const asksHelp = (args: Arguments) => args.options.some(({ arg }) => isHelp(arg));

/** Whether errors of this command line are to be JSON. Of `run`'s arguments only its own count. */
const wantsJson = ([name, ...args]: readonly string[]) =>
  splitArguments(args, name === 'run' || name === 'record').has('json');

async function execute(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) throw usageError(`no command\n${await overview()}`.trimEnd());
  if (isHelp(name) || (name === 'help' && rest.length === 0)) {
    process.stdout.write(await overview());
    return EXIT.done;
  }
  if (name === '--version') {
    process.stdout.write(`${version()}\n`);
    return EXIT.done;
  }
  const command = await commandNamed(name === 'help' ? rest[0]! : name);
  const args = splitArguments(rest, command.operands === 'program');
  if (name === 'help' || asksHelp(args)) {
    process.stdout.write(helpOf(command));
    return EXIT.done;
  }
  if (command.operands !== 'program') checkArguments(args, { ...command, operands: command.operands });
  return command.run(args);
}

interface Outcome {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

/** What to say of `error`, and with which exit code: without a stack when it is the user's to mend. */
function outcome(error: unknown): Outcome {
  const { code, message, stack } = error as Error & { code?: unknown };
  if (error instanceof CliError) return { code: error.code, message, exitCode: error.exitCode };
  if (typeof code === 'string' && code.startsWith('ERR_SUPERSLAB_')) {
    return { code, message, exitCode: EXIT.cannotRun };
  }
  return { code: 'ERR_SUPERSLAB_INTERNAL', message: String(stack ?? error), exitCode: EXIT.internal };
}

/** Who reads our output may stop, as `head` does: there is nobody left to tell. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode);
}

/** Runs the command line `argv`, which is without the names of Node and of the script. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endWithReader);
  try {
    process.exitCode = await execute(argv);
  } catch (error) {
    const failure = outcome(error);
    process.stderr.write(
      wantsJson(argv)
        ? `${jsonText({ error: failure })}\n`
        : `superslab: ${printable(failure.message, '\n')}\n`,
    );
    process.exitCode = failure.exitCode;
  }
}
