// Programs whose allocations are recorded anew, for some seconds each: what is installed of them.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { which } from '../programs/program.js';
import { findPython } from '../programs/script.js';
import { sourceFile } from '../programs/source-file.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const built = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

interface Program {
  readonly command: readonly string[];
  /** Executables without which it cannot be recorded. */
  readonly needs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is done to a server while it runs, its end included. Resolves to whether it went well. */
  readonly drive?: () => Promise<boolean>;
}

type Programs = Readonly<Record<string, Program>>;

/** As many requests as `divisor` leaves, of sizes that change under the same keys. */
async function driveRedis(socket: string, divisor: number): Promise<boolean> {
  const ask = (file: string, args: readonly string[]) =>
    spawnSync(file, ['-s', socket, ...args], { stdio: 'ignore' }).status === 0;
  for (let tries = 0; !ask('redis-cli', ['PING']); tries++) {
    if (tries === 100) return false;
    await sleep(50);
  }
  const load = (test: string, bytes: number, requests: number) =>
    ask('redis-benchmark', [
      ...['-t', test, '-d', String(bytes), '-n', String(Math.ceil(requests / divisor))],
      ...['-r', '20000', '-c', '20', '-P', '16', '-q'],
    ]);
  const wentWell =
    load('set', 24, 100_000) &&
    load('hset', 60, 50_000) &&
    load('set', 180, 50_000) &&
    load('lpush', 40, 100_000) &&
    load('set', 1500, 30_000) &&
    load('lrange_100', 40, 2_000) &&
    load('set', 64, 50_000);
  // It closes the connection instead of an answer.
  ask('redis-cli', ['SHUTDOWN', 'NOSAVE']);
  return wentWell;
}

/** `scale`: how much they do, from 0 to 1. */
function programs(folder: string, scale: number): Programs {
  const part = (n: number) => String(Math.ceil(n * scale));
  const socket = join(folder, 'redis');
  return {
    'log server': {
      command: [
        ...[process.execPath, built('examples/log-server/main.js'), '--json', '--rounds=1'],
        ...[`--lines=${part(60_000)}`, '--seconds=1'],
      ],
    },
    redis: {
      command: [
        ...['redis-server', '--port', '0', '--unixsocket', socket, '--dir', folder],
        ...['--save', '', '--appendonly', 'no'],
      ],
      needs: ['redis-server', 'redis-benchmark', 'redis-cli'],
      drive: () => driveRedis(socket, 1 / scale),
    },
    'node with ws and zlib': {
      command: [process.execPath, built('bench/learn/websockets.js'), part(4000)],
    },
    sqlite3: {
      command: [
        ...['sqlite3', '-batch', '-cmd', `.parameter set :rows ${part(200_000)}`, ':memory:'],
        `.read "${sourceFile('workload.sql')}"`,
      ],
      needs: ['sqlite3'],
    },
    git: { command: ['git', '-C', root, 'log', '-p', '--stat', `-${part(1500)}`], needs: ['git'] },
    python3: {
      command: [findPython() ?? 'python3', '-s', '-S', '-B', sourceFile('workload.py'), part(130)],
      needs: ['python3'],
      env: { PYTHONHASHSEED: '0' },
    },
  };
}

/** Resolves to whether there is a trace now. */
async function record(file: string, { command, env, drive }: Program): Promise<boolean> {
  const args = [join(root, 'bin/superslab.js'), 'record', '-o', file, '--', ...command];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const wentWell = (await drive?.()) ?? true;
  if (!wentWell) child.kill();
  const [status] = await ended;
  return wentWell && status === 0 && existsSync(file);
}

/** Records the programs that are installed; calls `done` with the name and the trace of each. Resolves to why others are missing. */
export async function recordPrograms(
  folder: string,
  isQuick: boolean,
  done: (name: string, file: string) => void,
): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, program] of Object.entries(programs(folder, isQuick ? 0.05 : 1))) {
    const lacking = program.needs?.filter((command) => which(command) === undefined) ?? [];
    const file = join(folder, 'program.trace');
    if (lacking.length > 0)
      missing.push(`${name} is not measured: ${lacking.join(', ')} not installed here.`);
    else if (await record(file, program)) done(name, file);
    else missing.push(`${name} is not measured: it failed.`);
  }
  return missing;
}
