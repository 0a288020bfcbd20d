// What is written down in the repository of the lists that the addon is compiled from: types, constants, tables of the
// documentation. It is committed, so that nobody needs a compiler to build or read lib/.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { outputs } from '../generate/outputs.mjs';
import { at, say } from './paths.mjs';

const readIfThere = (file) => (existsSync(at(file)) ? readFileSync(at(file), 'utf8') : undefined);

/** What the built addon was compiled from. */
export const builtTables = () => createRequire(import.meta.url)(at('build/Release/superslab.node')).tables();

/** The files that are not what `tables` say, each with the text that it should have. `read` gives undefined for no file. */
export const staleFiles = (tables = builtTables(), read = readIfThere) =>
  Object.entries(outputs(tables, read)).filter(([file, text]) => read(file) !== text);

/** Writes those that are stale. Nothing that is up to date changes its time. */
export function writeGeneratedFiles() {
  for (const [file, text] of staleFiles()) {
    say(`writing ${file}`);
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  }
}
