// A vitest reporter that ends a run with what people and machines look for:
//
//   skipped: FILE > SUITE > TEST            each test that was left out, with the note that it gave in brackets
//   failed: FILE > SUITE > TEST: MESSAGE    each failure; a file that did not load, or an error outside any test, counts too
//   skipped N tests: REASON                 each reason, such as a tool that is missing and how it is installed
//   slow: N s FILE                          the files that took longest, if they took long
//   N passed, N failed
//
// A reason is a test's note, or stands in its name or its suite's: "(skipped: REASON)".
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const { passed, skipped, failed } = resultsOf(modules);
    failed.push(...unhandledErrors.map((error) => `outside any test: ${firstLine([error])}`));
    const lines = [
      ...skipped.map(({ name, note }) => `skipped: ${name}${note === undefined ? '' : ` (${note})`}`),
      ...failed.map((text) => `failed: ${text}`),
      ...[...countReasons(skipped)].map(
        ([reason, count]) => `skipped ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}`,
      ),
      ...slowestOf(modules).map(({ name, seconds }) => `slow: ${seconds} s ${name}`),
      `${passed} passed, ${failed.length} failed`,
    ];
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

function resultsOf(modules) {
  const results = { passed: 0, skipped: [], failed: [] };
  for (const module of modules) {
    const failedBefore = results.failed.length;
    for (const test of module.children.allTests()) {
      const { state, note, errors } = test.result();
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      if (state === 'passed') results.passed++;
      if (state === 'failed') results.failed.push(`${name}: ${firstLine(errors)}`);
      if (state === 'skipped') results.skipped.push({ name, note });
    }
    // A module can fail without a failed test: a syntax error, a hook.
    if (module.state() === 'failed' && results.failed.length === failedBefore) {
      results.failed.push(`${module.relativeModuleId}: ${firstLine(module.errors())}`);
    }
  }
  return results;
}

const slowSeconds = 15;
const maxSlow = 12;

/** The files that a shorter run would begin with. */
function slowestOf(modules) {
  return modules
    .map((module) => ({
      name: module.relativeModuleId,
      seconds: Math.round(module.diagnostic().duration / 1000),
    }))
    .filter(({ seconds }) => seconds >= slowSeconds)
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, maxSlow);
}

/** How many tests were skipped for each reason that is given. */
export function countReasons(skipped) {
  const counts = new Map();
  for (const { name, note } of skipped) {
    const reason = note ?? /\(skipped: ((?:[^()]|\([^()]*\))*)\)/.exec(name)?.[1];
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

function firstLine(errors) {
  return String(errors[0]?.message ?? 'no message').split('\n', 1)[0];
}
