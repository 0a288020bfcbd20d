// page/inspector → dist/inspector: modules by tsc, the rest copied. Browsers load the files as they are;
// nothing is bundled, and nothing is built where superslab is installed.
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { at } from './paths.mjs';

const require = createRequire(import.meta.url);
const { filesUnder } = require('../sources.cjs');

const copied = () => filesUnder('page/inspector', ['.html', '.css', '.svg']);

/** uPlot's own files, and under which names the page asks for them. */
const uplot = {
  'uplot.js': 'dist/uPlot.iife.min.js',
  'uplot.css': 'dist/uPlot.min.css',
  'uplot-license.txt': 'LICENSE',
};

export const pageInputs = () => [
  'tsconfig.page.json',
  'scripts/support/build-page.mjs',
  ...filesUnder('page/inspector', ['.ts']),
  ...copied(),
];

/** `tsc` compiles a project. */
export async function buildPage(tsc) {
  await tsc('tsconfig.page.json');
  const folder = at('dist/inspector');
  mkdirSync(folder, { recursive: true });
  for (const file of copied()) copyFileSync(at(file), join(folder, basename(file)));
  const from = dirname(require.resolve('uplot/package.json'));
  for (const [name, file] of Object.entries(uplot)) copyFileSync(join(from, file), join(folder, name));
}
