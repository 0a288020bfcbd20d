// lib/ → dist/cjs (tsc) and dist/esm (wrappers around it), page/ → dist/inspector, examples/ and
// bench/ → dist-dev.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { buildPage, pageInputs } from './build-page.mjs';
import { writeEsmEntries } from './esm-entry.mjs';
import { at, say } from './paths.mjs';
import { run } from './run.mjs';
import { digest, isStamped, stamp, unstamp } from './stamp.mjs';

const require = createRequire(import.meta.url);
const { filesUnder } = require('../sources.cjs');

const endings = ['.ts', '.mts', '.cts', '.json'];
const common = ['package.json', 'tsconfig.base.json', 'scripts/support/esm-entry.mjs'];
const libInputs = () => ['tsconfig.lib.json', ...common, ...filesUnder('lib', endings), ...pageInputs()];
const devInputs = () => [
  'tsconfig.dev.json',
  ...libInputs(),
  ...filesUnder('examples', endings),
  ...filesUnder('bench', endings),
];

const tsc = (project) =>
  run(process.execPath, [require.resolve('typescript/bin/tsc'), '-b', project, '--pretty']);

async function ifStale({ what, stampFile, inputs, output, force }, build) {
  const value = digest(inputs, [require('typescript').version]);
  if (!force && existsSync(at(output)) && isStamped(stampFile, value)) return;
  say(`building ${what}`);
  unstamp(stampFile);
  if (force) rmSync(at(output), { recursive: true, force: true });
  await build();
  stamp(stampFile, value);
}

/** Builds what is published: dist/. */
export const buildLib = ({ force = false } = {}) =>
  ifStale(
    { what: 'dist', stampFile: 'dist/.stamp', inputs: libInputs(), output: 'dist', force },
    async () => {
      await tsc('tsconfig.lib.json');
      writeFileSync(at('dist/cjs/package.json'), '{ "type": "commonjs" }\n');
      writeEsmEntries();
      await buildPage(tsc);
    },
  );

/** Builds what only this repository uses: dist-dev/examples, dist-dev/bench. */
export async function buildDev({ force = false } = {}) {
  if (!filesUnder('examples', endings).concat(filesUnder('bench', endings)).length) return;
  await ifStale(
    { what: 'dist-dev', stampFile: 'dist-dev/.stamp', inputs: devInputs(), output: 'dist-dev', force },
    () => tsc('tsconfig.dev.json'),
  );
}
