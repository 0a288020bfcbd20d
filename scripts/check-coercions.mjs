// `npm run check:coercions` checks that native/binding coerces no JavaScript values.
//
// ToString(), ToNumber(), ToBoolean() and ToObject() may run JavaScript, so they fail in a thread that is told to stop,
// and the empty values that come of it end the whole process at their next use: see native/binding/arguments.h.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main, root, ScriptError, say } from './support/paths.mjs';

const { filesUnder } = createRequire(import.meta.url)('./sources.cjs');

const coercion = /\bTo(String|Number|Boolean|Object)\s*\(|\bnapi_coerce_to_\w+/;

/** The coercions under `base`/native/binding, each as "file:line: what". */
export function coercions(base = root) {
  return filesUnder('native/binding', ['.h', '.cc'], base).flatMap((file) =>
    readFileSync(join(base, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const found = coercion.exec(line.replace(/\/\/.*/, ''));
        if (found === null) return [];
        const name = found[0].replace(/\s*\($/, '');
        return [`${file}:${index + 1}: ${name} fails once a thread is told to stop; read the value as it is`];
      }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    const found = coercions();
    if (found.length > 0) throw new ScriptError(found.join('\n'));
    say('coercions: none in native/binding');
  });
}
