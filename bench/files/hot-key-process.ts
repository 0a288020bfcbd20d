// One of the processes that want the same value. Its parent says "compute" to the one that begins, and "want" to the others.
import { SharedCache } from 'superslab/files';

const cache = SharedCache.open({ path: process.argv[2]! });
const tell = (message: object) => process.send!(message);

process.on('message', async (order: 'compute' | 'want' | 'store') => {
  if (order === 'store') return;
  await cache.getOrCompute('hot', async () => {
    tell({ is: 'computing' });
    // Until the parent says so, which it does not say to one that it kills.
    if (order === 'compute') {
      await new Promise<void>((resolve) => {
        process.on('message', (next) => {
          if (next === 'store') resolve();
        });
      });
    }
    return Buffer.alloc(4096, 1);
  });
  tell({ is: 'done', atNs: String(process.hrtime.bigint()) });
});
tell({ is: 'ready' });
