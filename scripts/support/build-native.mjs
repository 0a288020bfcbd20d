// Builds the addon, libsuperslab.so and the native tests by node-gyp.
import { existsSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { buildWithoutGyp } from './build-without-gyp.mjs';
import { at, say } from './paths.mjs';
import { run } from './run.mjs';
import { digest, isStamped, stamp, unstamp } from './stamp.mjs';
import { hasPython, headersPrefix, requireCompilers } from './toolchain.mjs';

const require = createRequire(import.meta.url);
const { hasMallocLibrary } = require('../has-malloc-library.cjs');
const { filesUnder, sources } = require('../sources.cjs');

const products = {
  superslab: { file: 'build/Release/superslab.node', inputs: ['native'] },
  superslab_malloc: {
    file: 'build/Release/libsuperslab.so',
    inputs: ['native'],
    unavailable: !hasMallocLibrary,
    linkerScript: 'native/shim/exports.map',
  },
  native_tests: { file: 'build/Release/native_tests', inputs: ['native', 'test/native'] },
  careless: { file: 'build/Release/careless.so', inputs: ['test/misuse/support'] },
};
const endings = ['.cc', '.c', '.h', '.inc', '.def', '.map', '.md'];
/** The scripts that binding.gyp runs. */
const gypScripts = ['scripts/sources.cjs', 'scripts/has-malloc-library.cjs'];
const configureStamp = 'build/.stamps/configure';

const environment = () =>
  [process.version, process.arch, headersPrefix()].concat(
    ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'LDFLAGS'].map((name) => `${name}=${process.env[name] ?? ''}`),
  );

const inputsDigest = (name) =>
  digest(
    ['binding.gyp', ...gypScripts, ...products[name].inputs.flatMap((folder) => filesUnder(folder, endings))],
    environment(),
  );

// What gyp turns into makefiles: the recipe and the names of the files, not their contents.
const configureDigest = () =>
  digest(
    ['binding.gyp', ...gypScripts],
    [...environment(), ...['core', 'malloc', 'shim', 'binding', 'tests'].flatMap(sources)],
  );

/** The environment for node-gyp: that of this process, and where Node's headers lie if that is known. */
export function nodeGypEnvironment() {
  const { npm_config_nodedir: _, ...env } = process.env;
  const prefix = headersPrefix();
  return prefix === undefined ? env : { ...env, npm_config_nodedir: prefix };
}

const nodeGyp = (command, args) =>
  run(process.execPath, [require.resolve('node-gyp/bin/node-gyp.js'), command, '--loglevel=warn', ...args], {
    env: nodeGypEnvironment(),
  });

/** Has gyp write the makefiles. Returns false when it cannot run on this machine. */
async function configure() {
  const value = configureDigest();
  if (existsSync(at('build/Makefile')) && isStamped(configureStamp, value)) return true;
  unstamp(configureStamp);
  if (!hasPython()) return false;
  try {
    await nodeGyp('configure', ['--', '-Dbuild_native_tests=1']);
  } catch (error) {
    // With headers at hand it is binding.gyp that is wrong; without, they could not be fetched.
    if (headersPrefix() !== undefined) throw error;
    return false;
  }
  stamp(configureStamp, value);
  return true;
}

const changedAt = (file) => statSync(at(file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isNewer = (file, than) => changedAt(file) > changedAt(than);

/**
 * Builds `name`, a target of binding.gyp, unless it is up to date or this platform has no such thing.
 * Call it under the build lock.
 */
export async function buildNative(name, { force = false } = {}) {
  const { file, unavailable, linkerScript } = products[name];
  if (unavailable) return;
  const stampFile = `build/.stamps/${name}`;
  const value = inputsDigest(name);
  if (!force && existsSync(at(file)) && isStamped(stampFile, value)) return;
  say(`building ${file}`);
  unstamp(stampFile);
  if (force) unstamp(configureStamp);
  requireCompilers();
  if (await configure()) {
    // The makefiles know nothing of the script: without its product they link again.
    if (linkerScript !== undefined && isNewer(linkerScript, file)) rmSync(at(file), { force: true });
    await nodeGyp('build', ['--jobs', String(availableParallelism()), name]);
  } else {
    say('node-gyp cannot run here: compiling without it');
    await buildWithoutGyp(name, file);
  }
  stamp(stampFile, value);
}
