// Writes the TypeScript and the documentation that are made of the lists in native/: knobs, statistics, codes and
// layouts. The built addon says what is in them; `npm run build` does this, too.
//
//   node scripts/generate.mjs           writes what is stale
//   node scripts/generate.mjs --check   exits with 1 when something is
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { staleFiles, writeGeneratedFiles } from './support/generated-files.mjs';
import { main, ScriptError } from './support/paths.mjs';

await main(() =>
  withBuildLock(async () => {
    await buildNative('superslab');
    if (!process.argv.includes('--check')) return writeGeneratedFiles();
    const files = staleFiles().map(([file]) => file);
    if (files.length > 0) throw new ScriptError(`stale: ${files.join(', ')}; run node scripts/generate.mjs`);
  }),
);
