// `superslab COMMAND ...`: finds the command, prints what is wrong, sets the exit code.
import { CliError, EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';

/** Each is loaded when it is asked for: `--help` needs no addon. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).run,
  doctor: async () => (await import('./doctor.js')).doctor,
};

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = all.map(({ usage, summary }) => `  superslab ${usage}\n      ${summary}\n`);
  return `Usage:\n${lines.join('')}\nsuperslab COMMAND --help tells more.\n`;
}

const isHelp = (arg: string | undefined) => arg === '--help' || arg === '-h' || arg === 'help';

async function execute(name: string | undefined, args: readonly string[]): Promise<number> {
  if (isHelp(name)) {
    process.stdout.write(await overview());
    return 0;
  }
  if (name === undefined) throw usageError(`no command\n${await overview()}`.trimEnd());
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    const names = Object.keys(commands).join(', ');
    throw usageError(`no command ${JSON.stringify(name)}; there is: ${names}. See superslab --help`);
  }
  const command = await load();
  if (isHelp(args[0])) {
    process.stdout.write(`Usage: superslab ${command.usage}\n\n${command.help()}`);
    return 0;
  }
  return command.run(args);
}

/** What to say of `error`, and with which exit code: without a stack when it is the user's to mend. */
function outcome(error: unknown): { text: string; exitCode: number } {
  const { code, message, stack } = error as Error & { code?: unknown };
  if (error instanceof CliError) return { text: message, exitCode: error.exitCode };
  if (typeof code === 'string' && code.startsWith('ERR_SUPERSLAB_')) {
    return { text: message, exitCode: EXIT.cannotRun };
  }
  return { text: String(stack), exitCode: EXIT.internal };
}

/** Runs the command line `argv`, which is without the names of Node and of the script. */
export async function main(argv: readonly string[]): Promise<void> {
  const [name, ...args] = argv;
  try {
    process.exitCode = await execute(name, args);
  } catch (error) {
    const { text, exitCode } = outcome(error);
    process.stderr.write(`superslab: ${text}\n`);
    process.exitCode = exitCode;
  }
}
