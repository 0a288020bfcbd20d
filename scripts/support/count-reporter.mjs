// A vitest reporter that ends a run with lines for machines: "skipped: FILE > SUITE > TEST" for each test that was left
// out, with the reason in brackets when the test gave one, and then "N passed, N failed".
// A file that failed to load, or an error outside any test, counts as a failure.
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const skipped = [];
    const count = { passed: 0, failed: unhandledErrors.length };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed++;
        if (state === 'failed') failedTests++;
        if (state === 'skipped') skipped.push(describe(test));
      }
      // A module can fail without a failed test: a syntax error, a hook.
      count.failed += failedTests > 0 || module.state() !== 'failed' ? failedTests : 1;
    }
    process.stdout.write(`\n${skipped.map((text) => `skipped: ${text}\n`).join('')}`);
    process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  }
}

function describe(test) {
  const { note } = test.result();
  return `${test.module.relativeModuleId} > ${test.fullName}${note === undefined ? '' : ` (${note})`}`;
}
