// Leaks and misuse are made on purpose by hundreds of tests, which look at the reports themselves. Their warnings are not
// printed, so that those that nobody expects are seen among the others' results.

const expected = new Set(['SuperslabLeak', 'SuperslabGuard']);

/** Node's own, which prints each warning on standard error. */
const [print] = process.listeners('warning');

if (print !== undefined) {
  process.off('warning', print);
  process.on('warning', (warning) => {
    if (!expected.has(warning.name)) print(warning);
  });
}
