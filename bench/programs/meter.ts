// Runs a program under an allocator and measures the whole process. programs/measure.cc does it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { sourceFile } from './source-file.js';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Beside the few variables that every program gets. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that has ended with exit code 0. */
export interface Usage {
  readonly wallSeconds: number;
  /** User and system time of the process and of those children that it waited for. */
  readonly cpuSeconds: number;
  /** The largest of the process and its children. */
  readonly peakRssMib: number;
  readonly stdout: Buffer;
}

/** A program that may still run. */
export interface Running {
  /**
   * Rejects with a ProgramFailure unless it exits 0, within its limit, and without a word from the dynamic
   * linker.
   */
  readonly ended: Promise<Usage>;
  /** Ends it and its children at once. */
  kill(): void;
}

/** What makes a run worthless: a wrong answer, a crash, no end. */
export class ProgramFailure extends Error {}

export class Meter {
  readonly #folder: string;
  readonly #executable: string;
  readonly #children = new Set<ChildProcess>();

  /** Compiles the measuring parent into `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#executable = join(folder, 'measure');
    const compiler = process.env.CXX ?? 'g++';
    const { status, error, stderr } = spawnSync(
      compiler,
      ['-O1', '-o', this.#executable, sourceFile('measure.cc')],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`${compiler} cannot compile measure.cc: ${error?.message ?? stderr}`);
  }

  /** The variables of every program: the same for all users, but for superslab's own knobs. */
  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const knobs = Object.entries(process.env).filter(([name]) => name.startsWith('SUPERSLAB_'));
    return {
      PATH: process.env.PATH,
      HOME: this.#folder,
      TMPDIR: this.#folder,
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      ...Object.fromEntries(knobs),
      ...more,
    };
  }

  /** Runs `command` with `preload`; see {@link Running.ended}. */
  run(command: Command, preload: string | undefined, limitSeconds: number): Promise<Usage> {
    return this.start(command, preload, limitSeconds).ended;
  }

  start(command: Command, preload: string | undefined, limitSeconds: number): Running {
    // In a process group of its own: a program that hangs is ended together with its children.
    const child = spawn(this.#executable, [preload ?? '', command.file, ...command.args], {
      cwd: command.cwd ?? this.#folder,
      env: this.environment(command.env),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.add(child);
    const ended = finish(command, child, limitSeconds).finally(() => this.#children.delete(child));
    return { ended, kill: () => kill(child) };
  }

  /** Ends whatever still runs. */
  close(): void {
    for (const child of this.#children) kill(child);
  }
}

async function finish(command: Command, child: ChildProcess, limitSeconds: number): Promise<Usage> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, limitSeconds * 1000);
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  try {
    const [stdout, stderr, figures] = await Promise.all([
      buffer(child.stdout!),
      text(child.stderr!),
      text(child.stdio[3] as Readable),
      ended,
    ]);
    if (late) throw new ProgramFailure(`did not end within ${limitSeconds} s`);
    return usage(command, stdout, stderr, figures);
  } finally {
    clearTimeout(timer);
  }
}

function usage(command: Command, stdout: Buffer, stderr: string, figures: string): Usage {
  const [wallNs, userUs, systemUs, peakKib, code] = figures.split(' ').map(Number);
  if (code === undefined) throw new ProgramFailure(`measure gave no figures: ${lastLines(stderr)}`);
  if (code !== 0) throw new ProgramFailure(`${command.file}: ${exitName(code)}: ${lastLines(stderr)}`);
  // ld.so goes on without a library that it cannot preload: the figures would be those of glibc.
  if (/ld\.so/.test(stderr)) throw new ProgramFailure(lastLines(stderr));
  return {
    wallSeconds: wallNs! / 1e9,
    cpuSeconds: (userUs! + systemUs!) / 1e6,
    peakRssMib: peakKib! / 1024,
    stdout,
  };
}

function exitName(code: number): string {
  if (code >= 0) return `exit code ${code}`;
  const signals = Object.entries(constants.signals);
  return signals.find(([, number]) => number === -code)?.[0] ?? `signal ${-code}`;
}

const lastLines = (stderr: string) => stderr.trim().split('\n').slice(-3).join(' | ') || '(nothing said)';

function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}
