// `npm test [-- vitest arguments]`: builds what is missing or out of date, then runs every test.
//
// `npm cit` is npm's own word for `npm ci`, then `npm test`: so this is all that it needs.
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { at, main } from './support/paths.mjs';
import { become } from './support/run.mjs';

await main(async () => {
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildNative('superslab_malloc');
    await buildNative('native_tests');
    await buildLib();
    await buildDev();
  });
  process.chdir(at());
  await become([at('node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)]);
});
