// `npm run prebuildify`: prebuilds/PLATFORM-ARCH/superslab.LIBC.node, what is published. Builds from
// scratch, as node-gyp does it for others: build/ is replaced.
import { createRequire } from 'node:module';
import { withBuildLock } from './support/build-lock.mjs';
import { nodeGypEnvironment } from './support/build-native.mjs';
import { main } from './support/paths.mjs';
import { run } from './support/run.mjs';
import { requireCompilers } from './support/toolchain.mjs';

await main(() =>
  withBuildLock(async () => {
    requireCompilers();
    // Node-API: one binary for every Node.js from 20 on. The libc in the name, so that a system with
    // another one is told that there is no binary, instead of failing to load this one.
    await run(
      process.execPath,
      [createRequire(import.meta.url).resolve('prebuildify/bin.js'), '--napi', '--strip', '--tag-libc'],
      { env: nodeGypEnvironment() },
    );
  }),
);
