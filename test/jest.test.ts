// The facade under Jest with jsdom and fake timers: test/jest has the tests.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from './support/child.js';

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly message: string }[];
}

test('works under Jest with jsdom and fake timers, in each file of tests anew', async () => {
  const config = path.join(packageRoot, 'test/jest/jest.config.cjs');
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SUPERSLAB_|VITEST|NODE_OPTIONS)/.test(name)),
  );
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [jest, '--config', config, '--runInBand', '--json'],
      { cwd: packageRoot, env, timeout: 110_000, maxBuffer: 16 << 20 },
      (_, out, err) => resolve({ stdout: out, stderr: err }),
    );
  });
  if (!stdout.startsWith('{')) throw new Error(`jest said\n${stdout}\n${stderr}`);
  const report = JSON.parse(stdout) as Report;
  expect(report.testResults.map(({ message }) => message).join('')).toBe('');
  expect(report.numFailedTests).toBe(0);
  expect(report.numPassedTests).toBe(24);
}, 120_000);
