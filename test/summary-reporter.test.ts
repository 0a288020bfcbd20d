import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import SummaryReporter, { countReasons } from '../scripts/support/summary-reporter.mjs';
import { because, isMissing, missingTool } from './support/tools.mjs';

const skipped = (name: string, note?: string) => ({ name, note });

describe('why tests are skipped', () => {
  test('is counted by reason, from notes and from names', () => {
    const clang = isMissing('clang++', 'clang');
    const counts = countReasons([
      skipped(`a.test.ts > locks${because(clang)} > one`),
      skipped(`a.test.ts > locks${because(clang)} > two`),
      skipped('b.test.ts > three', clang),
      skipped('c.test.ts > four', 'this machine has one node'),
      skipped('d.test.ts > five (in brackets)'),
    ]);
    expect([...counts]).toEqual([
      ['clang++ is missing (apt-get install clang)', 3],
      ['this machine has one node', 1],
    ]);
  });

  test('a tool that runs is not missing', () => {
    expect(missingTool(process.execPath, 'nodejs')).toBeUndefined();
    expect(missingTool('no-such-program', 'some-package')).toBe(
      'no-such-program is missing (apt-get install some-package)',
    );
    expect(spawnSync('no-such-program').status).toBeNull();
  });
});

test('the summary ends with the counts, after failures, reasons and slow files', () => {
  const testCase = (fullName: string, result: object) => ({ fullName, result: () => result });
  const module = {
    relativeModuleId: 'test/a.test.ts',
    state: () => 'failed',
    diagnostic: () => ({ duration: 41_400 }),
    children: {
      allTests: () => [
        testCase('passes', { state: 'passed' }),
        testCase('fails', { state: 'failed', errors: [{ message: 'one line\nanother' }] }),
        testCase('needs php', { state: 'skipped', note: isMissing('php', 'php-cli') }),
      ],
    },
  };
  const broken = {
    relativeModuleId: 'test/b.test.ts',
    state: () => 'failed',
    diagnostic: () => ({ duration: 200 }),
    children: { allTests: () => [] },
    errors: () => [{ message: 'no such module' }],
  };
  const written: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = ((text: string) => written.push(text)) as never;
  try {
    new SummaryReporter().onTestRunEnd([module, broken], [{ message: 'out of the blue' }]);
  } finally {
    process.stdout.write = write;
  }
  expect(written.join('')).toBe(`
skipped: test/a.test.ts > needs php (php is missing (apt-get install php-cli))
failed: test/a.test.ts > fails: one line
failed: test/b.test.ts: no such module
failed: outside any test: out of the blue
skipped 1 test: php is missing (apt-get install php-cli)
slow: 41 s test/a.test.ts
1 passed, 3 failed
`);
});
