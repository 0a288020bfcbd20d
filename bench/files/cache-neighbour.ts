// A second process that has the same cache and the same LMDB environment open: it reads now and then, and stores a value each millisecond.
import { open } from 'lmdb';
import { SharedCache } from 'superslab/files';

const [path, folder, count] = process.argv.slice(2) as [string, string, string];
const cache = SharedCache.open({ path });
const db = open({ path: folder, encoding: 'binary', noSync: true });
const value = Buffer.alloc(4096, 2);
let turn = 0;
setInterval(() => {
  const key = `other ${turn++ % Number(count)}`;
  cache.set(key, value);
  cache.get(key);
  db.put(key, value);
  db.getBinary(key);
}, 1);
process.stdout.write('ready\n');
