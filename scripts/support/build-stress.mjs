// test/stress/stress.cc → build/stress: a program that knows nothing of superslab, to run under it or
// under any other malloc.
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { cxx, wordsOf } from './compiler.mjs';
import { at } from './paths.mjs';
import { run } from './run.mjs';
import { digest, isStamped, stamp, unstamp } from './stamp.mjs';
import { requireCompilers } from './toolchain.mjs';

const { filesUnder } = createRequire(import.meta.url)('../sources.cjs');

const folder = 'test/stress';
const output = 'build/stress/stress';
const stampFile = 'build/.stamps/stress';

const flags = [
  ...['-std=c++20', '-O1', '-g', '-pthread', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra'],
  // The compiler knows what malloc does, and would leave out pairs of malloc and free.
  ...['malloc', 'calloc', 'realloc', 'free'].map((name) => `-fno-builtin-${name}`),
];

/** Builds the program if it is out of date, and returns where it is. */
export async function buildStress() {
  const { program, first } = cxx();
  const args = [...first, ...flags, ...wordsOf('CXXFLAGS')];
  args.push(`${folder}/stress.cc`, '-o', output, ...wordsOf('LDFLAGS'));
  const value = digest(filesUnder(folder, ['.cc', '.h']), [program, ...args]);
  if (!existsSync(at(output)) || !isStamped(stampFile, value)) {
    requireCompilers();
    unstamp(stampFile);
    mkdirSync(dirname(at(output)), { recursive: true });
    await run(program, args);
    stamp(stampFile, value);
  }
  return at(output);
}
