// bench/malloc/*.cc → build/bench-malloc/, and so on for other folders: programs for benchmarks, one file each. Compiled
// alone, without node-gyp: they have nothing to do with Node.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { cxx, wordsOf } from './compiler.mjs';
import { at, root, ScriptError, say } from './paths.mjs';
import { digest, isStamped, stamp, unstamp } from './stamp.mjs';
import { requireCompilers } from './toolchain.mjs';

const execute = promisify(execFile);
const { filesUnder } = createRequire(import.meta.url)('../sources.cjs');

/**
 * What lies in bench/FOLDER, which of the programs call superslab's own functions, and what of the core is compiled into
 * each.
 */
const sets = {
  malloc: { linked: [] },
  fixed: { linked: ['pool'] },
  packets: { linked: ['pool'] },
  generational: { linked: ['pool'] },
  numa: { linked: [], core: ['native/base', 'native/os'] },
};

/** Those of the core, without the fakes of tests. */
const coreSources = ({ core = [] }) =>
  core.flatMap((folder) => filesUnder(folder, ['.cc'])).filter((file) => !file.includes('fake'));

const flags = [
  ...['-std=c++20', '-O2', '-pthread', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra'],
  // The compiler knows what malloc does, and would leave out pairs of malloc and free.
  ...['malloc', 'calloc', 'realloc', 'free'].map((name) => `-fno-builtin-${name}`),
  // Without libstdc++, which none of them uses: it allocates before main.
  '-Wl,--as-needed',
];

const libraryFolder = at('build/Release');
const linkFlags = [
  `-I${at('native/include')}`,
  at('build/Release/libsuperslab.so'),
  `-Wl,-rpath,${libraryFolder}`,
];

async function compile({ source, file, isLinked, core }) {
  const { program, first } = cxx();
  const own = isLinked ? linkFlags : [];
  const args = [
    ...first,
    source,
    ...core,
    ...(core.length > 0 ? [`-I${at('native')}`] : []),
    '-o',
    at(file),
    ...flags,
    ...own,
    ...wordsOf('CXXFLAGS'),
    ...wordsOf('LDFLAGS'),
  ];
  try {
    const { stderr } = await execute(program, args, { cwd: root });
    process.stderr.write(stderr);
  } catch (error) {
    throw new ScriptError(error.stderr || error.message);
  }
}

/**
 * Builds the programs of bench/`set` that are out of date. Call it under the build lock, and those that are linked with
 * the library after that was built.
 */
export async function buildBenchPrograms(set) {
  const folder = `bench/${set}`;
  const output = `build/bench-${set}`;
  const facts = [...flags, ...['CXX', 'CXXFLAGS', 'LDFLAGS'].map((name) => process.env[name] ?? '')];
  const core = coreSources(sets[set]);
  const headers = [
    ...['bench', 'native/include'].flatMap((one) => filesUnder(one, ['.h'])),
    ...core,
    ...(sets[set].core ?? []).flatMap((one) => filesUnder(one, ['.h'])),
  ];
  const stale = filesUnder(folder, ['.cc'])
    .map((source) => {
      const name = basename(source, '.cc');
      const isLinked = sets[set].linked.includes(name);
      const value = digest([source, ...headers], facts);
      return {
        source,
        file: `${output}/${name}`,
        isLinked,
        core,
        stampFile: `build/.stamps/bench-${set}/${name}`,
        value,
      };
    })
    .filter(({ file, stampFile, value }) => !existsSync(at(file)) || !isStamped(stampFile, value));
  if (stale.length === 0) return;
  say(`building ${output}`);
  requireCompilers();
  mkdirSync(at(output), { recursive: true });
  const worker = async () => {
    for (let next = stale.shift(); next !== undefined; next = stale.shift()) {
      unstamp(next.stampFile);
      await compile(next);
      stamp(next.stampFile, next.value);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
