// Says which C++ files make what, to binding.gyp, CMakeLists.txt and the scripts.
//
//   node scripts/sources.cjs core|malloc|shim|binding|tests ...
//
// prints the files of those parts, one a line, relative to the package root. What is built from them:
//
//   the addon      core, binding (which is the layers `addon` and `binding`)
//   libsuperslab   core, malloc, shim
//   native tests   core, malloc, tests (which is test/native, and the layer `addon`)
//
// Which folders make the core, and which make malloc, is read from the list of layers in
// native/README.md: up to `runtime` is the core, what stands between it and `shim` and
// `binding` is malloc's side. The addon takes nothing of the latter, and the tests not the shim: a
// program that defines malloc serves the whole process with it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.dirname(__dirname);

/** The layers of `folder`, native/ or lib/, lowest first, as the numbered list in its README.md names them. */
function layers(base = root, folder = 'native') {
  const text = fs.readFileSync(path.join(base, folder, 'README.md'), 'utf8');
  return [...text.matchAll(/^\d+\. `([a-z0-9_]+)`/gm)].map((match) => match[1]);
}

/** Every file under `folder` whose name ends in one of `endings`, sorted, relative to `base`. */
function filesUnder(folder, endings, base = root) {
  const absolute = path.join(base, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs
    .readdirSync(absolute, { recursive: true })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .sort();
}

/** The last layer that every product shares. */
const lastOfCore = 'runtime';
/** Layers that one product alone has, by the part that they make. */
const ofOneProduct = { shim: ['shim'], binding: ['addon', 'binding'] };

/** Which layers make each part. */
function parts(base = root) {
  const all = layers(base);
  const end = all.indexOf(lastOfCore) + 1;
  return {
    core: all.slice(0, end),
    malloc: all.slice(end).filter((layer) => !Object.values(ofOneProduct).flat().includes(layer)),
    ...ofOneProduct,
  };
}

/** The C++ sources of one part. */
function sources(part) {
  if (part === 'tests')
    return ['test/native', 'native/addon'].flatMap((folder) => filesUnder(folder, ['.cc']));
  const known = parts();
  if (!(part in known)) {
    throw new Error(`sources.cjs: no part "${part}"; there are ${Object.keys(known).join(', ')}, tests`);
  }
  return known[part].flatMap((layer) => filesUnder(`native/${layer}`, ['.cc']));
}

module.exports = { layers, filesUnder, sources };

if (require.main === module) process.stdout.write(`${process.argv.slice(2).flatMap(sources).join('\n')}\n`);
