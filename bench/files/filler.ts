// Fills a file with blocks of 4 KiB, and then waits to be killed with a journal that has to be replayed.
import { writeSync } from 'node:fs';
import { MappedPool } from 'superslab/files';

const [path, bytes, ends] = process.argv.slice(2) as [string, string, string];
const size = Number(bytes);
const pool = MappedPool.open(path, { maxBytes: size, size, sync: 'none' });
let filled = 0;
try {
  for (;;) {
    // As many as one commit has room for.
    for (let i = 0; i < 1000; i++, filled += 4096) pool.alloc(4096);
    pool.commit();
  }
} catch (error) {
  if ((error as { code?: string }).code !== 'ERR_SUPERSLAB_EXHAUSTED') throw error;
}
pool.commit();
if (ends === 'close') pool.close();
writeSync(1, `${filled}\n`);
if (ends === 'kill') process.kill(process.pid, 'SIGKILL');
