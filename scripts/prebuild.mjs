// `npm run prebuildify` builds what is published: prebuilds/PLATFORM-ARCH/superslab.LIBC.node and, with glibc,
// libsuperslab.so. It builds from scratch, as node-gyp does for others: build/ is replaced.
import { createRequire } from 'node:module';
import { withBuildLock } from './support/build-lock.mjs';
import { nodeGypEnvironment } from './support/build-native.mjs';
import { at, main } from './support/paths.mjs';
import { run } from './support/run.mjs';
import { shipLibrary } from './support/ship-library.mjs';
import { requireCompilers } from './support/toolchain.mjs';

const require = createRequire(import.meta.url);
const { hasMallocLibrary } = require('./has-malloc-library.cjs');

await main(() =>
  withBuildLock(async () => {
    requireCompilers();
    // Node-API: one binary for every Node.js from 20 on. The libc in the name, so that a system with
    // another one is told that there is no binary, instead of failing to load this one.
    await run(process.execPath, [require.resolve('prebuildify/bin.js'), '--napi', '--strip', '--tag-libc'], {
      env: nodeGypEnvironment(),
    });
    if (hasMallocLibrary) await shipLibrary(at('prebuilds'));
  }),
);
