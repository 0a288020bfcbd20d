// `npm run check:layers` checks native/ and lib/ against the orders of layers in native/README.md and lib/README.md.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { libViolations } from './layers/lib.mjs';
import { nativeViolations } from './layers/native.mjs';
import { main, root, ScriptError, say } from './support/paths.mjs';

const { layers } = createRequire(import.meta.url)('./sources.cjs');

/** The violations under `base`, each as "file:line: what" or "folder: what". */
export const layerViolations = (base = root) => [...nativeViolations(base), ...libViolations(base)];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    const violations = layerViolations();
    if (violations.length > 0) throw new ScriptError(violations.join('\n'));
    say(`native: ${layers().join(' → ')}: every include keeps the order`);
    say(`lib: ${layers(root, 'lib').join(' → ')}: every import keeps the order, and none leads back`);
  });
}
