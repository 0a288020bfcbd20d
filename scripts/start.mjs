// `npm start [-- arguments]`: from a bare clone to a running log server. Installs and builds what is
// missing or out of date, then runs examples/log-server with all arguments. Node built-ins only:
// nothing is installed yet when this starts.
import { existsSync } from 'node:fs';
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { ensureInstalled } from './support/install.mjs';
import { at, main } from './support/paths.mjs';
import { become } from './support/run.mjs';
import { requireCompilers, requireNode } from './support/toolchain.mjs';

await main(async () => {
  requireNode();
  // First of all, so that a missing compiler is told before minutes of installing.
  if (!existsSync(at('build/Release/superslab.node'))) requireCompilers();
  await ensureInstalled();
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildNative('superslab_malloc');
    await buildLib();
    await buildDev();
  });
  await become([at('dist-dev/examples/log-server/main.js'), ...process.argv.slice(2)]);
});
