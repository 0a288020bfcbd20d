// Puts libsuperslab.so beside the addon in prebuilds/, as prebuildify does with addons.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { at } from './paths.mjs';
import { run } from './run.mjs';

/** Copies the library that was built into `folder`/PLATFORM-ARCH, without what only a debugger reads. */
export async function shipLibrary(folder) {
  const target = join(folder, `${process.platform}-${process.arch}`);
  const file = join(target, 'libsuperslab.so');
  mkdirSync(target, { recursive: true });
  copyFileSync(at('build/Release/libsuperslab.so'), file);
  await run(process.env.STRIP ?? 'strip', ['--strip-unneeded', file]);
}
