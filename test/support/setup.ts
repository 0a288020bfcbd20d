// Before each file of tests: see watching.ts.
import path from 'node:path';
import { afterAll, afterEach, beforeEach, expect, type TestContext } from 'vitest';
import { collect } from './collect.js';
import { exceptionFor, mayMisuse } from './exceptions.js';
import './quiet-warnings.mjs';
import { takeReports, watches } from './watching.js';

const fileName = (filepath: string) => path.basename(filepath, '.test.ts');

/** The exception for a test, which is called "suite > test" in the table. */
function exceptionOf({ task }: TestContext) {
  const names = [task.name];
  for (let { suite } = task; suite !== undefined; suite = suite.suite) names.unshift(suite.name);
  return exceptionFor(fileName(task.file.name), names.join(' > '));
}

beforeEach((context) => {
  const exception = exceptionOf(context);
  if (exception?.skips) context.skip(exception.why);
});

afterEach(async (context) => {
  if (!exceptionOf(context)?.misuses) {
    expect(takeReports()).toEqual([]);
    return;
  }
  // What is leaked on purpose must not be found in the next test.
  if (watches) await collect();
  takeReports();
});

if (watches) {
  afterAll(async () => {
    // Leaks of all tests: the stacks tell whose.
    await collect();
    const { testPath = '' } = expect.getState();
    if (!mayMisuse(fileName(testPath))) expect(takeReports()).toEqual([]);
  });
}
