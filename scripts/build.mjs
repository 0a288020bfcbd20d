// Builds what is out of date.   npm run build -- [native] [shim] [native-tests] [lib] [dev] [ts] [--force]
//
//   native         build/Release/superslab.node, and what scripts/generate.mjs writes from it
//   shim           build/Release/libsuperslab.so, malloc for LD_PRELOAD; with glibc only
//   native-tests   build/Release/native_tests, assertions on, and the addon of test/misuse
//   lib            dist/
//   dev            dist-dev/: examples and benchmarks (lib first)
//   ts             lib and dev
//   nothing named  native, shim and ts
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { writeGeneratedFiles } from './support/generated-files.mjs';
import { main, ScriptError } from './support/paths.mjs';

const steps = {
  native: async (options) => {
    await buildNative('superslab', options);
    writeGeneratedFiles();
  },
  shim: (options) => buildNative('superslab_malloc', options),
  'native-tests': async (options) => {
    await buildNative('native_tests', options);
    await buildNative('careless', options);
  },
  lib: buildLib,
  dev: buildDev,
};
const groups = {
  ts: ['lib', 'dev'],
  dev: ['lib', 'dev'],
  all: ['native', 'shim', 'native-tests', 'lib', 'dev'],
};

await main(async () => {
  const force = process.argv.includes('--force');
  const named = process.argv.slice(2).filter((arg) => arg !== '--force');
  const wanted = (named.length > 0 ? named : ['native', 'shim', 'ts']).flatMap(
    (name) => groups[name] ?? [name],
  );
  const unknown = wanted.find((name) => !(name in steps));
  if (unknown !== undefined) {
    throw new ScriptError(
      `build: no target "${unknown}"; there are ${Object.keys(steps).join(', ')}, ts, all`,
    );
  }
  await withBuildLock(async () => {
    for (const [name, step] of Object.entries(steps)) if (wanted.includes(name)) await step({ force });
  });
});
