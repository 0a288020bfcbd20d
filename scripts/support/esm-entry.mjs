// The entry for `import`: a wrapper that hands on the CommonJS build, so that a process that both
// imports and requires superslab has one facade, one default pool, one class to test against.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ScriptError } from './paths.mjs';

/** The names of the values (not the types) that the declaration file `types` exports. */
function exportedValues(types) {
  const ts = createRequire(import.meta.url)('typescript');
  // Without Node's types: only the names count here, and they make this ten times faster.
  const program = ts.createProgram([types], { noLib: true, types: [], module: ts.ModuleKind.CommonJS });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(types));
  if (module === undefined) throw new ScriptError(`${types}: exports nothing`);
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return target.flags & ts.SymbolFlags.Value && !isTypeOnly(ts, symbol);
    })
    .map((symbol) => symbol.name)
    .sort();
}

// `export type { C }` names a class, which is a value, but exports its type alone.
const isTypeOnly = (ts, symbol) =>
  symbol.declarations?.some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node)) ??
  false;

/** Writes index.js and index.d.ts into `folder`, next to the CommonJS build in ../cjs. */
export function writeEsmEntry({ types, folder }) {
  const names = exportedValues(types);
  if (!names.includes('default')) throw new ScriptError(`${types}: has no default export`);
  const named = names.filter((name) => name !== 'default');
  const list = named.map((name) => `  ${name},\n`).join('');
  writeFileSync(
    join(folder, 'index.js'),
    // Not `import`: on Node 20 an error that imported CommonJS throws while it loads (a wrong
    // SUPERSLAB_* variable, no binary) ends the process even when the importer catches it.
    `import { createRequire } from 'node:module';\n\nconst superslab = createRequire(import.meta.url)('../cjs/index.js');\n\nexport const {\n${list}} = superslab;\nexport default superslab.default;\n`,
  );
  writeFileSync(
    join(folder, 'index.d.ts'),
    "import type superslab from '../cjs/index.js';\n\nexport * from '../cjs/index.js';\n" +
      'declare const _default: typeof superslab.default;\nexport default _default;\n',
  );
}
