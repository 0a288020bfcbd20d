// An object of a pool that nobody gives back: the collector takes it, and superslab tells where it was taken.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-object.mjs
//
//   > SuperslabLeak: an object (pool "parsers") was garbage-collected without put(), ... s after it was taken
//   >     at leakHere (.../leak-object.mjs:...)

import { ObjectPool } from 'superslab/pools';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new ObjectPool({ name: 'parsers', create: () => ({ text: '' }) });

function leakHere() {
  const parser = pool.get();
  parser.text = 'GET / HTTP/1.1';
  if (ok) pool.put(parser);
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
