// The entries for `import`: wrappers that hand on the CommonJS build, so that a process that both
// imports and requires superslab has one facade, one default pool, one class to test against.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, posix } from 'node:path';
import { at, ScriptError } from './paths.mjs';

const declaration = (file) => file.replace(/\.js$/, '.d.ts');

/**
 * The modules that package.json exports, each as { name, esm, cjs }: what users write, and the files, relative to
 * the package. This is where entries are added: lib/NAME.ts is ./dist/cjs/NAME.js for `require`.
 */
export function entries() {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath, target]) => {
      const entry = {
        name: posix.join('superslab', subpath),
        esm: target.import?.default,
        cjs: target.require?.default,
      };
      const right =
        entry.esm?.startsWith('./dist/esm') &&
        entry.cjs?.startsWith('./dist/cjs') &&
        target.import.types === declaration(entry.esm) &&
        target.require.types === declaration(entry.cjs);
      if (!right) {
        throw new ScriptError(
          `package.json: exports["${subpath}"] must name types and default of dist/esm and of dist/cjs`,
        );
      }
      return entry;
    });
}

// `export type { C }` names a class, which is a value, but exports its type alone.
const isTypeOnly = (ts, symbol) =>
  symbol.declarations?.some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node)) ??
  false;

/** For each declaration file, the names of the values (not the types) that it exports. */
function exportedValues(files) {
  const ts = createRequire(import.meta.url)('typescript');
  // Without Node's types: only the names count here, and they make this ten times faster.
  const program = ts.createProgram(files, { noLib: true, types: [], module: ts.ModuleKind.CommonJS });
  const checker = program.getTypeChecker();
  return files.map((file) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    if (module === undefined) throw new ScriptError(`${file}: exports nothing`);
    return checker
      .getExportsOfModule(module)
      .filter((symbol) => {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        return target.flags & ts.SymbolFlags.Value && !isTypeOnly(ts, symbol);
      })
      .map((symbol) => symbol.name)
      .sort();
  });
}

// Not `import`: on Node 20 an error that imported CommonJS throws while it loads (a wrong
// SUPERSLAB_* variable, no binary, a missing peer) ends the process even when the importer catches it.
const moduleText = (cjs, names) =>
  `import { createRequire } from 'node:module';

const module = createRequire(import.meta.url)('${cjs}');

export const {
${names
  .filter((name) => name !== 'default')
  .map((name) => `  ${name},\n`)
  .join('')}} = module;
${names.includes('default') ? 'export default module.default;\n' : ''}`;

const declarationText = (cjs, names) =>
  names.includes('default')
    ? `import type module from '${cjs}';

export * from '${cjs}';
declare const _default: typeof module.default;
export default _default;
`
    : `export * from '${cjs}';\n`;

/** Writes the wrapper and its declarations for each of `entries()`, which are built as CommonJS already. */
export function writeEsmEntries() {
  const all = entries();
  const names = exportedValues(all.map(({ cjs }) => declaration(at(cjs))));
  for (const [i, { esm, cjs }] of all.entries()) {
    const from = posix.relative(posix.dirname(esm), cjs);
    mkdirSync(dirname(at(esm)), { recursive: true });
    writeFileSync(at(esm), moduleText(from, names[i]));
    writeFileSync(declaration(at(esm)), declarationText(from, names[i]));
  }
}
