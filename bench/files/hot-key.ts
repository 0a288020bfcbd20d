// Eight processes that want one value: how long the one that waits the longest waits after the value is there, and after the death of the
// one that was computing it.
import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SharedCache } from 'superslab/files';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';

const PROCESSES = 8;
const program = fileURLToPath(new URL('./hot-key-process.js', import.meta.url));

interface Message {
  readonly is: 'ready' | 'computing' | 'done';
  readonly atNs: string;
}

const heard = (child: ChildProcess, what: Message['is']): Promise<Message> =>
  new Promise((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.is === what) resolve(message);
    });
    child.once('exit', () => reject(new Error('a process of the benchmark has ended')));
  });

/** Milliseconds from the order that ends the computation to the moment when the last of the others has the value. */
async function longestWait(path: string, end: (first: ChildProcess) => void): Promise<number> {
  const children = Array.from({ length: PROCESSES }, () => fork(program, [path]));
  const [first, ...others] = children as [ChildProcess, ...ChildProcess[]];
  try {
    await Promise.all(children.map((child) => heard(child, 'ready')));
    const computes = heard(first, 'computing');
    first.send('compute');
    await computes;
    const done = others.map((child) => heard(child, 'done'));
    for (const child of others) child.send('want');
    await new Promise((resolve) => setTimeout(resolve, 200)); // they wait by then
    const from = process.hrtime.bigint();
    first.once('error', () => {});
    end(first);
    const times = (await Promise.all(done)).map(({ atNs }) => Number(BigInt(atNs) - from) / 1e6);
    return Math.max(...times);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

export async function measureHotKey(root: string, quick: boolean): Promise<MeasuredRow[]> {
  const path = `${root}/superslab-bench-hot-${process.pid}`;
  const cache = SharedCache.open({ path, maxBytes: 2 ** 21 });
  const row = async (name: string, end: (first: ChildProcess) => void): Promise<MeasuredRow> => {
    const waits: number[] = [];
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      cache.clear();
      waits.push(await longestWait(path, end));
    }
    return { case: name, unit: 'ms', superslab: median(waits), spread: spread(waits), peers: {} };
  };
  try {
    return [
      await row('8 processes, one key: all have it', (first) => void first.send('store')),
      await row('the same, the one that computes is killed', (first) => void first.kill('SIGKILL')),
    ];
  } finally {
    cache.close();
    rmSync(path, { force: true });
  }
}
