// One of the processes that search. It is sent a place, and looks for a vector that is a little off that one; then for how much memory it has.
import { DIMENSIONS, mostLike, open } from './embeddings.js';
import { proportionalBytes } from './memory.js';

const path = process.argv[2]!;
const { all } = open(path);

process.on('message', (place: number | 'measure') => {
  if (place === 'measure') {
    process.send!({ pssBytes: proportionalBytes(path) });
    return;
  }
  const wanted = all
    .slice(place * DIMENSIONS, (place + 1) * DIMENSIONS)
    .map((number, i) => number + (i % 3) / 1000);
  const start = performance.now();
  const found = mostLike(all, wanted);
  process.send!({ ...found, took: performance.now() - start });
});
