// `npm run check:locks` runs Clang's thread-safety analysis on everything but the binding: by the attributes of
// native/base/thread_safety.h it checks that what a lock guards is touched with the lock held. It needs clang++.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { main, root, ScriptError, say } from './support/paths.mjs';

const { filesUnder, sources } = createRequire(import.meta.url)('./sources.cjs');

const language = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-D_GNU_SOURCE', '-Inative'];
// Other warnings are left to the compiler that builds.
const analysis = ['-fsyntax-only', '-Wno-everything', '-Wthread-safety', '-Werror=thread-safety'];

/** What the analysis complains of in C++ files, in the words of Clang; empty when it finds nothing. */
export async function lockFaults(files) {
  const processes = Math.min(availableParallelism(), files.length);
  const shares = Array.from({ length: processes }, (_, share) =>
    files.filter((_, i) => i % processes === share),
  );
  return (await Promise.all(shares.map(analyse))).join('');
}

function analyse(files) {
  return new Promise((resolve, reject) => {
    const args = [...language, ...analysis, ...files];
    execFile('clang++', args, { cwd: root }, (error, _, stderr) => {
      if (typeof error?.code === 'string') {
        const hint = 'on Debian or Ubuntu: apt-get install clang';
        reject(new ScriptError(`clang++: ${error.message}; ${hint}`));
      } else {
        resolve(error === null ? '' : stderr);
      }
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    const files = [...sources('core'), ...sources('malloc'), ...filesUnder('native/addon', ['.cc'])];
    const faults = await lockFaults(files);
    if (faults !== '') throw new ScriptError(faults);
    say(`locks: Clang's analysis has nothing to say of ${files.length} files`);
  });
}
