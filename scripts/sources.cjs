// The one answer to "which C++ files make what?", for binding.gyp, CMakeLists.txt and the scripts.
//
//   node scripts/sources.cjs core|binding|tests
//
// prints the files of that target, one a line, relative to the package root. Which folders make the
// core is read from the list of layers in native/README.md.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.dirname(__dirname);

/** The layers of native/, lowest first, as the numbered list in native/README.md names them. */
function layers(base = root) {
  const text = fs.readFileSync(path.join(base, 'native/README.md'), 'utf8');
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

/** The C++ sources of one build target. */
function sources(target) {
  if (target === 'tests') return filesUnder('test/native', ['.cc']);
  if (target === 'binding') return filesUnder('native/binding', ['.cc']);
  if (target === 'core') {
    return layers()
      .filter((layer) => layer !== 'binding')
      .flatMap((layer) => filesUnder(`native/${layer}`, ['.cc']));
  }
  throw new Error(`sources.cjs: no target "${target}"; there are core, binding, tests`);
}

module.exports = { layers, filesUnder, sources };

if (require.main === module) process.stdout.write(`${sources(process.argv[2]).join('\n')}\n`);
