// Processes that stay, to be looked into.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { packageRoot } from './child.js';

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** What it printed as its first line, by which it says that it is ready. */
  readonly said: string;
  /** What it wrote to standard error so far. */
  readonly complaints: () => string;
  end(): Promise<void>;
}

export interface RunningOptions {
  /** Added to the environment, from which SUPERSLAB_* are taken out first. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
  readonly uid?: number;
  /** Instead of Node with a script. */
  readonly command?: readonly [string, ...string[]];
}

/** Starts `script`, an ES module that prints a line when it is ready and then stays. */
export async function startProcess(script: string, options: RunningOptions = {}): Promise<Running> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
  const [file, ...args] = options.command ?? [
    process.execPath,
    ...(options.nodeArguments ?? []),
    '--input-type=module',
    '-e',
    script,
  ];
  const child: ChildProcess = spawn(file, args, {
    cwd: packageRoot,
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  let said = '';
  let complaints = '';
  child.stderr!.setEncoding('utf8').on('data', (part) => {
    complaints += part;
  });
  const ended = once(child, 'exit');
  const ready = new Promise<void>((resolve) => {
    child.stdout!.setEncoding('utf8').on('data', (part) => {
      said += part;
      if (said.includes('\n')) resolve();
    });
  });
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  await Promise.race([
    ready,
    ended.then(([code, signal]) => {
      throw new Error(`it ended with ${signal ?? code} before it was ready\n${complaints}`);
    }),
  ]);
  return {
    pid: child.pid!,
    said: said.split('\n')[0]!,
    complaints: () => complaints,
    end,
    [Symbol.asyncDispose]: end,
  };
}
