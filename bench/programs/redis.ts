// redis-server under the allocator, redis-benchmark beside it as the machine has it. The keys are drawn at
// random, but their number and the sizes of what they hold are the same for all; what must not differ is a
// set of values of our own that has to survive the load.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProgramFailure } from './meter.js';
import { type Outcome, type Prepared, type Program, sha256, skip, type Workbench, which } from './program.js';

const PACKAGES = 'redis-server redis-tools';
const OWN_KEYS = 200;

interface Load {
  readonly test: string;
  readonly requests: number;
  readonly bytes: number;
}

/** Values change their size under the same keys: what fragments a heap. */
const LOADS: readonly Load[] = [
  { test: 'set', requests: 400_000, bytes: 24 },
  { test: 'hset', requests: 150_000, bytes: 60 },
  { test: 'set', requests: 200_000, bytes: 180 },
  { test: 'get', requests: 200_000, bytes: 3 },
  { test: 'lpush', requests: 300_000, bytes: 40 },
  { test: 'zadd', requests: 100_000, bytes: 3 },
  { test: 'sadd', requests: 100_000, bytes: 3 },
  { test: 'set', requests: 60_000, bytes: 1500 },
  { test: 'set', requests: 100_000, bytes: 64 },
];

/** A line for redis-cli, and what it has to answer. */
type Exchange = readonly [command: string, answer: string];

const ownValue = (i: number) => `${i}:`.padEnd(10 + ((i * 37) % 3000), 'abcdefghij');

const OWN: readonly { readonly write: Exchange; readonly read: Exchange }[] = Array.from(
  { length: OWN_KEYS },
  (_, i) => {
    const value = ownValue(i);
    if (i % 3 === 0) return { write: [`SET own:${i} ${value}`, 'OK'], read: [`GET own:${i}`, value] };
    if (i % 3 === 1)
      return { write: [`HSET own:hash f${i} ${value}`, '1'], read: [`HGET own:hash f${i}`, value] };
    return {
      write: [`RPUSH own:list:${i} a ${value}`, '2'],
      read: [`LRANGE own:list:${i} 0 -1`, `a\n${value}`],
    };
  },
);

/** What talks to the server, each time in a process of its own. */
class Clients {
  readonly #cli: string;
  readonly #benchmark: string;
  readonly #socket: string;

  constructor(cli: string, benchmark: string, socket: string) {
    this.#cli = cli;
    this.#benchmark = benchmark;
    this.#socket = socket;
  }

  /** Resolves when the server takes connections. */
  async ready(alive: () => boolean): Promise<void> {
    while (alive()) {
      const open = await new Promise<boolean>((resolve) => {
        const socket = connect(this.#socket, () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      });
      if (open) return;
      await sleep(5);
    }
    throw new ProgramFailure('the server ended before it took connections');
  }

  /** What redis-cli prints for these lines. */
  ask(commands: readonly string[]): Promise<string> {
    return this.#client(this.#cli, ['-s', this.#socket], `${commands.join('\n')}\n`);
  }

  async expect(exchanges: readonly Exchange[]): Promise<void> {
    const answers = await this.ask(exchanges.map(([command]) => command));
    const expected = `${exchanges.map(([, answer]) => answer).join('\n')}\n`;
    if (answers === expected) return;
    const [is, must] = [answers.split('\n'), expected.split('\n')];
    const at = must.findIndex((line, i) => line !== is[i]);
    throw new ProgramFailure(
      `redis answered "${is[at]?.slice(0, 80)}" instead of "${must[at]?.slice(0, 80)}"`,
    );
  }

  async load({ test, requests, bytes }: Load, keys: number): Promise<void> {
    const options = { s: this.#socket, t: test, n: requests, d: bytes, r: keys, c: 20, P: 16 };
    const args = Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)]);
    await this.#client(this.#benchmark, [...args, '-q', '-e'], '');
  }

  async #client(file: string, args: readonly string[], input: string): Promise<string> {
    const child = spawn(file, args, { stdio: 'pipe' });
    child.stdin.on('error', () => {}); // It may end before it has read all: its exit code says so.
    child.stdin.end(input);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (code !== 0) throw new ProgramFailure(`${file}: exit code ${code}: ${stderr.trim().slice(-200)}`);
    return stdout;
  }
}

/** KiB of a process, as its VmRSS says. */
const rssKib = (pid: string) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

export const redis: Program = {
  name: 'redis',
  prepare: (workbench) => {
    const [file, benchmark, cli] = ['redis-server', 'redis-benchmark', 'redis-cli'].map(which);
    if (file === undefined || benchmark === undefined || cli === undefined) return skip('redis', PACKAGES);
    return prepare(workbench, file, benchmark, cli);
  },
};

function prepare(
  { meter, folder, quick }: Workbench,
  file: string,
  benchmark: string,
  cli: string,
): Prepared {
  const socket = join(folder, 'socket');
  const divisor = quick ? 20 : 1;
  // A multiple of what redis-benchmark sends at once, or it rounds up.
  const loads = LOADS.map((load) => ({ ...load, requests: Math.ceil(load.requests / divisor / 16) * 16 }));
  const keys = 100_000 / divisor;
  const args = [
    ['--port', '0', '--unixsocket', socket, '--dir', folder, '--loglevel', 'warning'],
    ['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ].flat();

  /** The load and its checks; seconds that the load took, RSS after it. */
  async function drive(server: Clients, alive: () => boolean) {
    await server.ready(alive);
    await server.expect(OWN.map(({ write }) => write));
    const start = process.hrtime.bigint();
    for (const load of loads) await server.load(load, keys);
    const wallSeconds = Number(process.hrtime.bigint() - start) / 1e9;
    const pushed = loads.find(({ test }) => test === 'lpush')!;
    await server.expect([
      ['LLEN mylist', String(pushed.requests)],
      ['STRLEN own:0', String(ownValue(0).length)],
      ['UNLINK mylist', '1'],
      ['EXISTS mylist', '0'],
      ...OWN.map(({ read }) => read),
    ]);
    const info = await server.ask(['INFO server']);
    const endRssMib = rssKib(/process_id:(\d+)/.exec(info)![1]!) / 1024;
    await server.ask(['SHUTDOWN NOSAVE']);
    return { wallSeconds, endRssMib };
  }

  async function run(preload: string | undefined, limitSeconds: number): Promise<Outcome> {
    rmSync(socket, { force: true });
    const server = meter.start({ file, args }, preload, limitSeconds);
    let alive = true;
    const ended = server.ended.finally(() => {
      alive = false;
    });
    const clients = new Clients(cli, benchmark, socket);
    const driven = drive(clients, () => alive).catch(async (error) => {
      // When the server has died, why it did says more than that its clients lost it.
      await Promise.race([ended.catch(() => {}), sleep(1000)]);
      server.kill();
      throw error;
    });
    try {
      const [{ wallSeconds, endRssMib }, { cpuSeconds, peakRssMib }] = await Promise.all([driven, ended]);
      const output = sha256(OWN.map(({ read }) => read.join('\n')).join('\n'));
      return { wallSeconds, cpuSeconds, peakRssMib, endRssMib, output };
    } finally {
      await Promise.allSettled([driven, ended]);
    }
  }
  return { executables: [file], run };
}
