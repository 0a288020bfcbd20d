// Runs `superslab ...` as a user does.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect } from 'vitest';
import { type ChildResult, packageRoot } from './child.js';

export interface CliOptions {
  /** Added to the environment, from which SUPERSLAB_* and LD_PRELOAD are taken out first. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Another copy of the package. */
  readonly root?: string;
  /** Another user. */
  readonly uid?: number;
  /** Called with everything that was printed so far, and a way to signal the command. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export function superslab(args: readonly string[], options: CliOptions = {}): Promise<ChildResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SUPERSLAB_.*|LD_PRELOAD)$/.test(name));
  const child = spawn(
    process.execPath,
    [path.join(options.root ?? packageRoot, 'bin/superslab.js'), ...args],
    {
      env: { ...Object.fromEntries(inherited), ...options.env },
      stdio: 'pipe',
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    stdout += part;
    options.onOutput?.(stdout, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (part) => {
    stderr += part;
  });
  // A command that ends without reading its input closes the pipe, which may be before it was written to.
  child.stdin.on('error', () => {}).end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A refusal: nothing on standard output, the code and the way out, which is returned, on standard error. */
export async function refused(
  args: readonly string[],
  exitCode: number,
  code: string,
  options?: CliOptions,
): Promise<string> {
  const result = await superslab(args, options);
  expect(result).toMatchObject({ code: exitCode, signal: null, stdout: '' });
  expect(result.stderr).toMatch(new RegExp(`^superslab: ${code}: .`));
  expect(result.stderr).not.toMatch(/\n\s+at /);
  return result.stderr;
}

/** What a command printed with --json, all of it one object. */
export async function json(args: readonly string[], options?: CliOptions, exitCode = 0): Promise<any> {
  const result = await superslab([...args, '--json'], options);
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: exitCode, stderr: '' });
  return JSON.parse(result.stdout);
}
