// Processes that work on one MappedPool, and what has to be there when they were killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { MappedPool } from 'superslab/files';
import { packageRoot } from '../support/child.js';

/** Small, so that checkpoints are frequent. */
export const OPTIONS = { shared: true, maxBytes: 4 << 20, size: 256 << 10, lockTimeoutMs: 30_000 } as const;

export const bytesOf = (number: number): Buffer => Buffer.alloc(100 + ((number * 37) % 3000), number % 251);

/**
 * Replaces the block of the root `name` by the next one, again and again, and says the number of each that is committed. One of ten is made durable.
 * Now and then it looks at everything.
 */
const WORK = `
  import { MappedPool } from 'superslab/files';
  const [path, name, options] = JSON.parse(process.argv[1]);
  const bytesOf = (number) => Buffer.alloc(100 + ((number * 37) % 3000), number % 251);
  const pool = MappedPool.open(path, options);
  const say = (text) => process.stdout.write(text + '\\n');
  let number = pool.root(name + ' number')?.readUInt32LE(0) ?? 0;
  say('opened ' + number);
  const step = async () => {
    for (let i = 0; i < 10; i++) {
      number++;
      pool.transaction(() => {
        const old = pool.root(name);
        const next = pool.alloc(bytesOf(number).length);
        next.set(bytesOf(number));
        old?.free();
        pool.setRoot(name, next);
        const count = pool.root(name + ' number') ?? pool.alloc(4);
        pool.setRoot(name + ' number', count);
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32LE(number);
        pool.write(count, 0, bytes);
      }, { sync: number % 10 === 0 ? 'data' : 'none' });
      say(String(number));
      const other = pool.root(Math.random() < 0.5 ? 'a' : 'b');
      if (other !== undefined && other.some((byte) => byte !== other[0])) process.exit(3);
    }
    if (Math.random() < 0.05 && pool.verify().wrong !== 0) process.exit(4);
    setImmediate(step);
  };
  step();
`;

export interface Worker {
  readonly child: ChildProcess;
  readonly name: string;
  /** The last number that it said was committed. */
  acknowledged: number;
  /** It has the file open. */
  isOpen: boolean;
}

export function startWorker(path: string, name: string): Worker {
  const given = JSON.stringify([path, name, OPTIONS]);
  const child = spawn(process.execPath, ['--input-type=module', '-e', WORK, given], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const worker: Worker = { child, name, acknowledged: 0, isOpen: false };
  let rest = '';
  child.stdout!.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      worker.isOpen = true;
      worker.acknowledged = Number(line.replace('opened ', ''));
    }
  });
  return worker;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function killWorker({ child }: Worker): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  if (child.exitCode !== null) throw new Error(`a worker ended with ${child.exitCode}`);
  child.kill('SIGKILL');
  await ended;
}

/** What is wrong with what a killed worker left; undefined when nothing is. */
export function wrongOf(pool: MappedPool, { name, acknowledged }: Worker): string | undefined {
  const number = pool.root(`${name} number`)?.readUInt32LE(0) ?? 0;
  if (number < acknowledged || number > acknowledged + 1)
    return `${name}: ${acknowledged} was acknowledged, ${number} is there`;
  const found = pool.root(name);
  if (found === undefined ? number !== 0 : !found.equals(bytesOf(number)))
    return `${name}: the bytes are not those of ${number}`;
  return undefined;
}

/** Kills one of three workers `kills` times, now and then all of them, and looks what is left. Throws when anything is wrong. */
export async function killWorkers(
  path: string,
  kills: number,
  report: (done: number) => void = () => {},
): Promise<void> {
  const names = ['a', 'b', 'c'];
  const start = (name: string) => startWorker(path, name);
  let workers = names.map(start);
  try {
    for (let done = 0; done < kills; ) {
      await untilOpen(workers);
      await pause(Math.random() * 30);
      const all = Math.random() < 0.2;
      const victims = all ? workers : [workers[Math.floor(Math.random() * 3)]!];
      await Promise.all(victims.map(killWorker));
      done += victims.length;
      const pool = MappedPool.open(path, OPTIONS);
      try {
        for (const victim of victims) check(wrongOf(pool, victim));
        check(pool.verify().messages[0]);
        if (all && pool.stats().file.blocks !== pool.rootNames().length) check('a block has leaked');
      } finally {
        pool.close();
      }
      workers = workers.map((worker) => (victims.includes(worker) ? start(worker.name) : worker));
      report(done);
    }
  } finally {
    await Promise.all(workers.map(({ child }) => child.kill('SIGKILL')));
  }
}

function check(wrong: string | undefined): void {
  if (wrong !== undefined) throw new Error(wrong);
}

async function untilOpen(workers: readonly Worker[]): Promise<void> {
  for (const until = Date.now() + 60_000; !workers.every(({ isOpen }) => isOpen); await pause(5)) {
    for (const { child, name } of workers)
      if (child.exitCode !== null) throw new Error(`worker ${name} ended with ${child.exitCode}`);
    if (Date.now() > until) throw new Error('a worker hangs');
  }
}
