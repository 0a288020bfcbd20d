// The imports in lib/: each keeps the order of layers in lib/README.md, and no file leads back to itself. Imports of
// types count, and those that are made while the program runs: they tie files together as the others do.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import { unlistedFolders } from './unlisted.mjs';

const { filesUnder, layers } = createRequire(import.meta.url)('../sources.cjs');

/** The layer of what lies in lib/ itself. */
const ENTRIES = 'entries';

function layerOf(file) {
  const [, folder, ...rest] = file.split('/');
  return rest.length === 0 ? ENTRIES : folder;
}

/** The imports of other files that a file has: where, as it is written, and which file that is. */
function importsOf(base, file) {
  const text = readFileSync(path.join(base, file), 'utf8');
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName, pos }) => ({
      line: text.slice(0, pos).split('\n').length,
      name: fileName,
      target: path.posix.join(path.posix.dirname(file), fileName).replace(/\.js$/, '.ts'),
    }));
}

/** What is wrong with one import, in words; undefined when nothing is. */
function fault({ imports, order, file, name, target }) {
  if (!imports.has(target)) return `"${name}" is no file in lib/`;
  const [from, to] = [layerOf(file), layerOf(target)];
  if (order.indexOf(to) <= order.indexOf(from)) return undefined;
  return `"${name}": ${from} must not import ${to} (${order.join(' → ')})`;
}

/** The cycles that a walk along all imports comes by, each as the files of it, the first once more at the end. */
function cycles(imports) {
  const found = [];
  const done = new Set();
  const way = [];
  const walk = (file) => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    way.push(file);
    for (const { target } of imports.get(file) ?? []) walk(target);
    way.pop();
    done.add(file);
  };
  for (const file of imports.keys()) walk(file);
  return found;
}

/** The violations under `base`/lib, each as "file:line: what" or "what: files". */
export function libViolations(base) {
  const order = layers(base, 'lib');
  if (order.length === 0) return ['lib/README.md: no numbered list of layers'];
  const imports = new Map(filesUnder('lib', ['.ts'], base).map((file) => [file, importsOf(base, file)]));
  const misplaced = [...imports].flatMap(([file, all]) =>
    all.flatMap(({ line, name, target }) => {
      const what = fault({ imports, order, file, name, target });
      return what === undefined ? [] : [`${file}:${line}: ${what}`];
    }),
  );
  const circles = cycles(imports).map((files) => `import cycle: ${files.join(' → ')}`);
  return [...unlistedFolders(base, 'lib', order), ...misplaced, ...circles];
}
