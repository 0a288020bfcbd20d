// Runs a program in our place: the same standard streams, signals passed on, its end is ours.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { CliError, EXIT } from './cli-error.js';

/** What somebody may send to us and mean the program. */
const forwarded = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

/** Sent by a terminal to all of its foreground processes, so that the program gets them without us. */
const fromTerminal: readonly string[] = ['SIGINT', 'SIGQUIT'];

/** Time for a signal that we send to ourselves to end us. */
const LAST_MS = 100;

/** Ends this process as `signal` ended the program; resolves to an exit code where Node survives it. */
async function dieOf(signal: NodeJS.Signals): Promise<number> {
  // Node takes this one as the wish to debug it.
  if (signal !== 'SIGUSR1') {
    process.kill(process.pid, signal);
    await new Promise((resolve) => setTimeout(resolve, LAST_MS));
  }
  return 128 + constants.signals[signal];
}

function start(file: string, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const [argv0, ...args] = argv;
    const child = spawn(file, args, { argv0, env, stdio: 'inherit' });
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
}

/**
 * Runs `file` with `argv` (its name first) and `env`; resolves to the exit code. Throws a CliError when
 * it cannot be started.
 */
export async function standInFor(
  file: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  let child: ChildProcess | undefined;
  const onTerminal = [0, 1, 2].some((stream) => isatty(stream));
  const pass = (signal: NodeJS.Signals) => {
    if (!(onTerminal && fromTerminal.includes(signal))) child?.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, pass);
  try {
    child = await start(file, argv, env);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ENOENT';
    throw new CliError(
      isMissing ? 'ERR_SUPERSLAB_NOT_FOUND' : 'ERR_SUPERSLAB_NOT_EXECUTABLE',
      isMissing ? EXIT.notFound : EXIT.cannotRun,
      `the system does not start ${file}: ${code ?? message}`,
    );
  }
  const running = child;
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    running.once('exit', (...end) => resolve(end));
  });
  for (const each of forwarded) process.off(each, pass);
  return signal === null ? (code ?? 1) : dieOf(signal);
}
