// superslab as the process's malloc, by LD_PRELOAD, against other allocators: the programs of bench/malloc/
// know nothing of any of them.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Allocator, findPeers } from './support/malloc-allocators.js';
import { selectCases } from './support/malloc-cases.js';
import { measure } from './support/malloc-measure.js';
import { mallocOptions } from './support/malloc-options.js';
import { printMalloc } from './support/malloc-report.js';
import { SUBJECT } from './support/malloc-summary.js';

// Compiled, this file lies in dist-dev/bench/.
const built = (path: string) => fileURLToPath(new URL(`../../build/${path}`, import.meta.url));
const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const options = mallocOptions();
  const cases = selectCases(options.only);
  const { found: peers, missingPackages } = findPeers(options.peers);
  if (missingPackages.length > 0) {
    say(`Without some peers. On Debian or Ubuntu: apt-get install ${missingPackages.join(' ')}`);
  }
  const library = resolve(options.library ?? built('Release/libsuperslab.so'));
  const hasLibrary = existsSync(library);
  if (!hasLibrary) say(`No library to measure at ${library} (--library=PATH names another): peers only.`);
  const allocators: Allocator[] = [...(hasLibrary ? [{ name: SUBJECT, library }] : []), ...peers];
  for (const { name, library } of allocators) say(`${name}: ${library ?? 'no preload'}`);

  const measured = await measure(cases, allocators, built('bench-malloc'), options, say);
  const names = peers.map(({ name }) => name);
  printMalloc(measured, names, options);
  if (measured.errors.length > 0 || !hasLibrary) process.exitCode = 1;
  if (!hasLibrary) say(`superslab was not measured: there is no ${library}`);
}

try {
  await main();
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
