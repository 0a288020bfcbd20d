// The native tests, one vitest test each: test/native/*.cc built into build/Release/native_tests.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../build/Release/native_tests', import.meta.url));

const names = existsSync(program)
  ? execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean)
  : [];

/** Runs one native test in a process of its own; never throws. */
const run = (name: string) =>
  new Promise<{ failure: string | null; output: string }>((resolve) => {
    // Below vitest's limit: a test that hangs is killed here, with its output so far.
    const options = { timeout: 110_000, maxBuffer: 16 * 1024 * 1024 };
    execFile(program, [name], options, (error, stdout, stderr) => {
      const failure = error && (error.signal ? `killed by ${error.signal}` : `exit code ${error.code}`);
      resolve({ failure, output: stdout + stderr });
    });
  });

describe('native', () => {
  test('the native tests are built and list their names', () => {
    expect(names, `none from ${program}; build it with: npm run build:native-tests`).not.toHaveLength(0);
  });

  test.for(names)('%s', { timeout: 120_000 }, async (name, { skip }) => {
    const { failure, output } = await run(name);
    expect(failure, output).toBeNull();
    const skipped = `# skip ${name} `;
    const line = output.split('\n').find((candidate) => candidate.startsWith(skipped));
    if (line !== undefined) skip(line.slice(skipped.length));
  });
});
