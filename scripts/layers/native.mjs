// The includes in native/: each keeps the order of layers in native/README.md.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { unlistedFolders } from './unlisted.mjs';

const { filesUnder, layers } = createRequire(import.meta.url)('../sources.cjs');

const endings = ['.h', '.cc', '.c', '.inc', '.def'];
const nodeHeaders =
  /^(node(_api|_version|_buffer)?|js_native_api(_types)?|napi|uv|v8.*)\.h$|^(uv|napi|node)\//;

/** The layer whose headers programs include. */
const PUBLIC = 'include';

/** What is wrong with one include, in words; undefined: nothing. */
function fault({ base, order, layer, name, quoted }) {
  if (!quoted) {
    return layer !== 'binding' && nodeHeaders.test(name)
      ? `<${name}> is a header of Node.js; only binding includes those`
      : undefined;
  }
  const [target] = name.split('/');
  // Programs search that folder, and know its headers by their names alone.
  if (layer === PUBLIC && existsSync(join(base, 'native', PUBLIC, name))) return undefined;
  if (!existsSync(join(base, 'native', name))) {
    return layer === 'binding' && nodeHeaders.test(name)
      ? undefined
      : `"${name}" is no file in native/; includes are written from there ("layer/file.h")`;
  }
  if (order.indexOf(target) <= order.indexOf(layer)) return undefined;
  return `"${name}": ${layer} must not include ${target} (${order.join(' → ')})`;
}

/** The violations under `base`/native, each as "file:line: what". */
export function nativeViolations(base) {
  const order = layers(base);
  if (order.length === 0) return ['native/README.md: no numbered list of layers'];
  const misplaced = order.flatMap((layer) =>
    filesUnder(`native/${layer}`, endings, base).flatMap((file) => {
      const lines = readFileSync(join(base, file), 'utf8').split('\n');
      return lines.flatMap((line, index) => {
        const include = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/.exec(line);
        if (include === null) return [];
        const what = fault({ base, order, layer, name: include[2], quoted: include[1] === '"' });
        return what === undefined ? [] : [`${file}:${index + 1}: ${what}`];
      });
    }),
  );
  return [...unlistedFolders(base, 'native', order), ...misplaced];
}
