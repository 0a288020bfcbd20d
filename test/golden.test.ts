// The fast paths of malloc and free, instruction by instruction. What is longer is slower for every
// program; that it has become so is said in golden/fast-path.json, on purpose.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtLibrary, fastPath, limits, measure, readGolden, reasonToSkip } from './golden/fast-path.mjs';
import { packageRoot } from './support/child.js';
import { because } from './support/tools.mjs';

const reason = reasonToSkip();
const library = path.resolve(process.env.SHIM_LIBRARY ?? builtLibrary);

if (reason !== undefined) test.skip(`the fast path${because(reason)}`, () => {});

describe.skipIf(reason !== undefined)('the fast path', () => {
  test('has a library to be read from', () => {
    expect(existsSync(library), `no ${library}; build it with: npm run build -- shim`).toBe(true);
  });

  test.for(Object.entries(limits))('of %s is no longer than it was', ([symbol, limit]) => {
    const { instructions, branches, calls, locks, listing } = measure(fastPath(library, symbol));
    console.log(`${symbol}: ${instructions} instructions, ${branches} branches`);
    const golden = readGolden()[symbol];
    const hint = 'if it has to be: npm run golden -- --write';
    const said = `${instructions} instructions, ${branches} branches; ${hint}\n${listing}`;
    expect({ calls, locks }, said).toEqual({ calls: 0, locks: 0 });
    expect(instructions, said).toBeLessThanOrEqual(Math.min(limit, golden.instructions));
    expect(branches, said).toBeLessThanOrEqual(golden.branches);
  });

  test('is read as it is', () => {
    const folder = path.join(packageRoot, 'build/golden-tests');
    const source = path.join(folder, 'code.s');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      source,
      `.globl sample
       .type sample, @function
       sample: test %rdi, %rdi
       je 1f
       lock incl (%rdi)
       jmp 2f
       nop
       1: ret
       2: xchg %eax, (%rdi)
       call sample
       ret
       .size sample, . - sample\n`,
    );
    const made = path.join(folder, 'code.so');
    execFileSync(process.env.CXX ?? 'g++', ['-shared', '-nostdlib', '-Wl,-Bsymbolic', source, '-o', made]);
    expect(measure(fastPath(made, 'sample'))).toMatchObject({
      instructions: 7,
      branches: 2,
      calls: 1,
      locks: 2,
    });
  });
});
