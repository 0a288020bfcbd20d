// JavaScript is cut off anywhere, by a stack that is full or by a timeout of vm, and the program goes on: no live
// buffer's bytes change, and no block is lost. What is done: test/fixtures/guard-interrupted.cjs.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('fixtures/guard-interrupted.cjs', import.meta.url));
// Small stacks are full soon, and gc() finds what the program itself lost.
const FLAGS = ['--expose-gc', '--stack-size=300', '--no-concurrent-recompilation', '--no-warnings'];

function run(...args: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...FLAGS, program, ...args], { timeout: 80_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, out: stdout.trim() + stderr }),
    );
  });
}

const NOTHING = {
  inUseBytes: 0,
  chargedBytes: 0,
  watchedBlocks: 0,
  quarantinedBlocks: 0,
  quarantinedBytes: 0,
  doubleFrees: 0,
};

describe.each(['off', 'poison', 'canary', 'detach'])('guard %s', (guard) => {
  test.each(['stack', 'timeout'])('by %s', { timeout: 90_000 }, async (how) => {
    const { code, out } = await run(guard, 'full', how, '8');
    expect({ code, out }).toMatchObject({ code: 0 });
    const { interruptions, rest } = JSON.parse(out);
    expect(interruptions).toBeGreaterThan(how === 'stack' ? 50 : 5);
    expect(rest).toEqual(NOTHING);
  });
});
