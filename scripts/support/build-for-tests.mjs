import { withBuildLock } from './build-lock.mjs';
import { buildNative } from './build-native.mjs';
import { buildDev, buildLib } from './build-typescript.mjs';

/** Builds what tests need, where it is missing or out of date. */
export function buildForTests() {
  return withBuildLock(async () => {
    await buildNative('superslab');
    await buildNative('superslab_malloc');
    await buildNative('native_tests');
    await buildNative('careless');
    await buildLib();
    await buildDev();
  });
}
