// A MappedPool for tests that need one to be there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MappedPool } from 'superslab/files';

/** A pool in a file that is removed with it. */
export function fileOfItsOwn(): Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'superslab-file-'));
  const pool = MappedPool.open(path.join(folder, 'pool'), { name: 'in a file', sync: 'none' });
  pool.alloc(100);
  pool.commit();
  return {
    [Symbol.dispose]() {
      pool.close();
      rmSync(folder, { recursive: true });
    },
  };
}
