// Embeddings that four processes search, and of which there is one copy in memory: `node dist-dev/examples/vectors/main.js [options]`.
import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load } from './embeddings.js';

const MIB = 2 ** 20;
const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    processes: { type: 'string', default: '4' },
    path: { type: 'string', default: `/dev/shm/vectors-${process.pid}.slab` },
  },
});
const [mib, processes] = [Number(values.mib), Number(values.processes)];
if (![mib, processes].every((number) => Number.isInteger(number) && number > 0)) {
  throw new Error('--mib and --processes are whole numbers from 1 on');
}

interface Found {
  readonly place: number;
  readonly likeness: number;
  readonly took: number;
}

const answer = <Answer>(child: ChildProcess, question: number | string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code, signal) => reject(new Error(`a process ended with ${code ?? signal}`)));
    child.send(question);
  });

try {
  const start = performance.now();
  const vectors = load(values.path, mib);
  console.log(`${vectors} vectors, ${mib} MiB, loaded in ${Math.round(performance.now() - start)} ms`);
  const program = fileURLToPath(new URL('./searcher.js', import.meta.url));
  const children = Array.from({ length: processes }, () => fork(program, [values.path]));
  const wanted = children.map((_, i) => Math.floor(((i + 0.5) / processes) * vectors));
  const found = await Promise.all(children.map((child, i) => answer<Found>(child, wanted[i]!)));
  found.forEach(({ place, likeness, took }, i) => {
    const verdict = place === wanted[i] ? 'found' : `expected ${wanted[i]}, found`;
    console.log(
      `process ${i + 1} ${verdict} vector ${place}, likeness ${likeness.toFixed(4)}, in ${Math.round(took)} ms`,
    );
  });
  // While all of them have it: what one has left counts more for the others.
  const memory = await Promise.all(children.map((child) => answer<{ pssBytes: number }>(child, 'measure')));
  for (const child of children) child.disconnect();
  const parts = memory.map(({ pssBytes }) => pssBytes / MIB);
  const sum = parts.reduce((a, b) => a + b, 0);
  console.log(
    `PSS ${parts.map((part) => part.toFixed(0)).join(' + ')} = ${sum.toFixed(0)} MiB: ${(sum / mib).toFixed(3)} copies`,
  );
} finally {
  rmSync(values.path, { force: true });
}
