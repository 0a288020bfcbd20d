// A vitest reporter that ends a run with one line for machines: "N passed, N failed".
// A file that failed to load, or an error outside any test, counts as a failure.
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed++;
        if (state === 'failed') failedTests++;
      }
      // A module can fail without a failed test: a syntax error, a hook.
      count.failed += failedTests > 0 || module.state() !== 'failed' ? failedTests : 1;
    }
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed\n`);
  }
}
