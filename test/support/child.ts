// Runs JavaScript in a Node of its own: for what ends a process, or is set before it starts.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { noteReport } from './watching.js';

export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface ChildResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  /**
   * Added to the environment, from which all SUPERSLAB_* but those of PASSED are taken out first. What leak
   * detection and guards report in the child is a report of the test.
   */
  readonly env?: Record<string, string>;
  readonly nodeArguments?: readonly string[];
  readonly cwd?: string;
  /** Run under a shell with these limits, such as "ulimit -v 4000000". */
  readonly shellLimit?: string;
  readonly timeoutMs?: number;
}

/**
 * Has V8 compile what is hot at once. A Node process that ends while V8 compiles on another thread may hang for ever
 * (https://github.com/nodejs/node/issues/54918), and scripts of tests end where their loops do.
 */
export const ENDS_AFTER_LOOPS = '--no-concurrent-recompilation';

/** The suite may be run under leak detection and guards; so are its children, unless a test says otherwise. */
const PASSED = [
  'SUPERSLAB_LEAK_DETECTION',
  'SUPERSLAB_LEAK_FRAMES',
  'SUPERSLAB_LEAK_SAMPLE',
  'SUPERSLAB_GUARD',
  'SUPERSLAB_QUARANTINE_BYTES',
];

/** Never rejects: the result tells how the process ended. `script` is an ES module. */
export function runChild(script: string, options: ChildOptions = {}): Promise<ChildResult> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => PASSED.includes(name) || !name.startsWith('SUPERSLAB_'),
  );
  const node = [ENDS_AFTER_LOOPS, ...(options.nodeArguments ?? []), '--input-type=module', '-e', script];
  const [file, args]: [string, string[]] =
    options.shellLimit === undefined
      ? [process.execPath, node]
      : ['/bin/sh', ['-c', `${options.shellLimit}; exec "$@"`, 'sh', process.execPath, ...node]];
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      {
        cwd: options.cwd ?? packageRoot,
        env: { ...Object.fromEntries(inherited), ...options.env },
        timeout: options.timeoutMs ?? 25_000,
        maxBuffer: 16 << 20,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        if (/\[SUPERSLAB_(LEAK|GUARD)\]/.test(stderr)) noteReport(stderr, 'a child');
        resolve({ code, signal: error?.signal ?? null, stdout, stderr });
      },
    );
  });
}

/** The JSON that a script printed as its last line; fails with all it said when it did not end well. */
export async function childJson(script: string, options?: ChildOptions): Promise<any> {
  const result = await runChild(script, options);
  if (result.code !== 0) {
    throw new Error(
      `child ended with code ${result.code}, signal ${result.signal}\n${result.stdout}\n${result.stderr}`,
    );
  }
  return JSON.parse(result.stdout.trim().split('\n').at(-1)!);
}
