// `npm run bench -- NAME [--json] [--quick]`: builds what is out of date, then runs bench/NAME.ts.
// Without a name it lists them.
import { readdirSync } from 'node:fs';
import { buildBenchPrograms } from './support/build-bench-programs.mjs';
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { ensureInstalled } from './support/install.mjs';
import { at, main, ScriptError } from './support/paths.mjs';
import { become } from './support/run.mjs';
import { requireNode } from './support/toolchain.mjs';

const addon = () => buildNative('superslab');
const library = () => buildNative('superslab_malloc');

/** What a benchmark measures, and what it runs, where that is not the addon. */
const subjects = {
  malloc: [library, () => buildBenchPrograms('malloc')],
  pools: [
    addon,
    library,
    ...['fixed', 'packets', 'generational', 'numa'].map((set) => () => buildBenchPrograms(set)),
  ],
  programs: [library],
  scale: [library, () => buildBenchPrograms('fixed')],
};

await main(async () => {
  const names = readdirSync(at('bench'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
  const args = process.argv.slice(2);
  const name = args.find((arg) => !arg.startsWith('-'));
  if (name === undefined) {
    process.stdout.write(`${names.join('\n')}\n`);
    return;
  }
  if (!names.includes(name)) throw new ScriptError(`bench: no "${name}"; there are ${names.join(', ')}`);
  requireNode();
  await ensureInstalled();
  await withBuildLock(async () => {
    for (const build of subjects[name] ?? [addon]) await build();
    await buildLib();
    await buildDev();
  });
  const rest = args.slice();
  rest.splice(rest.indexOf(name), 1);
  await become([at('dist-dev/bench', `${name}.js`), ...rest]);
});
