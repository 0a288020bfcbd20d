// What a build needs that npm cannot install, and what to say when it is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ScriptError } from './paths.mjs';

const runs = (command) =>
  Boolean(command) && spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** Throws unless this is a Node.js that superslab supports. */
export function requireNode() {
  if (Number.parseInt(process.versions.node, 10) >= 20) return;
  throw new ScriptError(`superslab needs Node.js 20 or later; this is ${process.version}`);
}

/** Whether node-gyp finds the Python that it runs on. */
export const hasPython = () =>
  [process.env.PYTHON, process.env.npm_config_python, 'python3', 'python'].some(runs);

/** Throws, naming everything that is missing at once, unless the native build can run. */
export function requireCompilers() {
  const wanted = [
    ['make', [process.env.MAKE, 'make', 'gmake']],
    ['g++ (or another C++20 compiler named by CXX)', [process.env.CXX, 'g++', 'c++']],
  ];
  const missing = wanted.filter(([, commands]) => !commands.some(runs)).map(([what]) => what);
  if (missing.length === 0) return;
  throw new ScriptError(
    [
      'superslab is built from source here, and this machine lacks:',
      ...missing.map((what) => `  - ${what}`),
      'On Debian or Ubuntu: apt-get install make g++',
      'On Fedora: dnf install make gcc-c++. On Alpine: apk add make g++',
    ].join('\n'),
  );
}

/**
 * Where Node's headers lie for node-gyp: npm's configuration when it says so, else beside the running
 * binary if they are of its version. Undefined: node-gyp finds them itself.
 */
export function headersPrefix() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir;
  const prefix = dirname(dirname(process.execPath));
  const header = join(prefix, 'include/node/node_version.h');
  if (!existsSync(header)) return undefined;
  const text = readFileSync(header, 'utf8');
  const found = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return found.join('.') === process.versions.node ? prefix : undefined;
}
