// Which codecs the core is compiled with: those whose C sources this checkout's development dependencies carry.
//
//   node scripts/codecs.cjs include|defines
//
// prints the folders to include from, or the macros, one a line, for binding.gyp and CMakeLists.txt. Whoever compiles the
// published package has no development dependencies, and gets a core without LZ4 (native/pools/compressed/lz4_codec.h);
// so does SUPERSLAB_CODECS=none.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.dirname(__dirname);

/** What each is named by, where it lies, and the oldest version that was tried. `version` is how its header begins the names of its parts. */
const CODECS = [
  // First: LZ4's folder has an older xxhash.h for itself.
  {
    macro: 'SUPERSLAB_XXH3',
    folder: 'node_modules/xxhash-addon/xxHash',
    sources: ['xxhash.h'],
    version: 'XXH_VERSION',
    oldest: [0, 8, 2],
  },
  {
    macro: 'SUPERSLAB_LZ4',
    folder: 'node_modules/lmdb/dependencies/lz4/lib',
    sources: ['lz4.h', 'lz4.c'],
    version: 'LZ4_VERSION',
    oldest: [1, 10, 0],
  },
];

/** The three numbers in a header of that codec; undefined where it has none. */
function versionIn(text, prefix) {
  const part = (name) => new RegExp(`^#\\s*define ${prefix}_${name}\\s+(\\d+)`, 'm').exec(text)?.[1];
  const parts = ['MAJOR', 'MINOR', 'RELEASE'].map(part);
  return parts.includes(undefined) ? undefined : parts.map(Number);
}

const isAtLeast = (version, oldest) => {
  const at = version.findIndex((part, i) => part !== oldest[i]);
  return at < 0 || version[at] > oldest[at];
};

/** Those that are there, and new enough. */
function codecs(base = root, chosen = process.env.SUPERSLAB_CODECS) {
  if (chosen === 'none') return [];
  return CODECS.filter(({ folder, sources, version, oldest }) => {
    const files = sources.map((name) => path.join(base, folder, name));
    if (!files.every((file) => fs.existsSync(file))) return false;
    const found = versionIn(fs.readFileSync(files[0], 'utf8'), version);
    return found !== undefined && isAtLeast(found, oldest);
  });
}

module.exports = { codecs };

if (require.main === module) {
  const line = { include: ({ folder }) => folder, defines: ({ macro }) => macro }[process.argv[2]];
  if (line === undefined) throw new Error('codecs.cjs: include or defines');
  process.stdout.write(
    codecs()
      .map((codec) => `${line(codec)}\n`)
      .join(''),
  );
}
