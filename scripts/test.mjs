// `npm test [-- vitest arguments]`: builds what is missing or out of date, then runs every test.
//
// `npm cit` is npm's own word for `npm ci`, then `npm test`: so this is all that it needs.
import { buildForTests } from './support/build-for-tests.mjs';
import { at, main } from './support/paths.mjs';
import { become } from './support/run.mjs';

await main(async () => {
  await buildForTests();
  process.chdir(at());
  await become([at('node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)]);
});
