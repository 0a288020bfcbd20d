// A vitest reporter that ends a run with lines for machines: "skipped: FILE > SUITE > TEST" for each test that was left
// out, with the reason in brackets when the test gave one, "failed: FILE > SUITE > TEST: MESSAGE" for each failure, and
// then "N passed, N failed". A file that failed to load, or an error outside any test, counts as a failure.
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const skipped = [];
    const failed = unhandledErrors.map((error) => `outside any test: ${firstLine([error])}`);
    let passed = 0;
    for (const module of modules) {
      const failedBefore = failed.length;
      for (const test of module.children.allTests()) {
        const { state, note, errors } = test.result();
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        if (state === 'passed') passed++;
        if (state === 'failed') failed.push(`${name}: ${firstLine(errors)}`);
        if (state === 'skipped') skipped.push(note === undefined ? name : `${name} (${note})`);
      }
      // A module can fail without a failed test: a syntax error, a hook.
      if (module.state() === 'failed' && failed.length === failedBefore) {
        failed.push(`${module.relativeModuleId}: ${firstLine(module.errors())}`);
      }
    }
    process.stdout.write(`\n${skipped.map((text) => `skipped: ${text}\n`).join('')}`);
    process.stdout.write(failed.map((text) => `failed: ${text}\n`).join(''));
    process.stdout.write(`${passed} passed, ${failed.length} failed\n`);
  }
}

function firstLine(errors) {
  return String(errors[0]?.message ?? 'no message').split('\n', 1)[0];
}
