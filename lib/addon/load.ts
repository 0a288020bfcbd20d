// Finding the native binary, and saying what is in the way.
import { closeSync, openSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readElf } from '../base/elf.js';
import { makeError, type SuperslabError } from '../base/errors.js';

/** It comes without types. */
interface NodeGypBuild {
  resolve(packageRoot: string): string;
}

interface Failure {
  readonly code?: unknown;
  readonly message: string;
}

const BUILD_IT =
  "in the package's folder, build one with " +
  '"npm install --no-save node-addon-api && npx node-gyp rebuild" (needs python3, make and a C++20 compiler)';

const here = () => `${process.platform}-${process.arch} with Node ${process.versions.node}`;

/** What `attempt` throws; undefined when it does not. */
function failureOf(attempt: () => unknown): Failure | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error as Failure;
  }
}

const isOutOfFiles = ({ code, message }: Failure) =>
  code === 'EMFILE' || code === 'ENFILE' || /too many open files/i.test(message);

interface Permission {
  has(scope: string, reference?: string): boolean;
}

/** Of the permission model; undefined while that is off. */
const permission = () => (process as { permission?: Permission }).permission;

const disabled = () =>
  permission() === undefined || process.execArgv.includes('--no-addons')
    ? 'Node.js was started with --no-addons (look at NODE_OPTIONS, too): superslab is a native addon and needs to be without it'
    : 'Node.js was started with --permission: allow native addons by adding --allow-addons';

/** Why no binary was found: node-gyp-build takes folders that it cannot read for empty. */
function missing(packageRoot: string): string {
  const folders = ['build/Release', 'prebuilds'].map((folder) => path.join(packageRoot, folder));
  const mayRead = permission();
  if (mayRead !== undefined && !folders.some((folder) => mayRead.has('fs.read', folder))) {
    return `Node.js was started with --permission and may not read ${packageRoot}: add --allow-fs-read=${packageRoot}`;
  }
  for (const folder of [packageRoot, ...folders]) {
    const failure = failureOf(() => readdirSync(folder));
    if (failure !== undefined && failure.code !== 'ENOENT') return refused(folder, failure);
  }
  return `no native binary for ${here()}; ${BUILD_IT}`;
}

function refused(file: string, failure: Failure): string {
  if (isOutOfFiles(failure)) return outOfFiles(failure);
  return `${file} cannot be read: ${failure.message}; let the user of this process read it`;
}

const outOfFiles = ({ message }: Failure) =>
  `the process has as many files open as it may, so its native binary cannot be opened (${message}); ` +
  'raise "ulimit -n", or load superslab before so many are open';

/** Why a binary that was found does not load. */
function unloadable(file: string, failure: Failure): string {
  if (isOutOfFiles(failure)) return outOfFiles(failure);
  const unreadable = failureOf(() => closeSync(openSync(file, 'r')));
  if (unreadable !== undefined) return refused(file, unreadable);
  const elf = readElf(file);
  if (process.platform === 'linux') {
    if (elf === undefined) {
      return `${file} is no library of Linux: it is damaged, or of another system; ${BUILD_IT}`;
    }
    const own = readElf(process.execPath);
    if (own !== undefined && own.machine !== elf.machine) {
      return `${file} is built for ${elf.machine}, and this Node.js for ${own.machine}; ${BUILD_IT}`;
    }
  }
  const version = /version [`'"]?(\w+_[\d.]+)[`'"]? not found/.exec(failure.message)?.[1];
  if (version !== undefined) {
    return `${file} needs ${version}, which the C or C++ library of this system does not have; ${BUILD_IT}`;
  }
  if (/failed to map segment/.test(failure.message)) {
    return `${file} may not be mapped as code: it lies on a file system that is mounted noexec, or memory is short`;
  }
  return `${file} does not load with Node ${process.versions.node}: ${failure.message}; ${BUILD_IT}`;
}

function loadError(packageRoot: string, file: string | undefined, cause: unknown): SuperslabError {
  const failure = cause as Failure;
  if (failure.code === 'ERR_DLOPEN_DISABLED') {
    return makeError('ERR_SUPERSLAB_ADDONS_DISABLED', disabled(), Error, { cause });
  }
  const message =
    file !== undefined
      ? unloadable(file, failure)
      : isOutOfFiles(failure)
        ? outOfFiles(failure)
        : missing(packageRoot);
  return makeError('ERR_SUPERSLAB_BINARY', message, Error, { cause });
}

/**
 * The native binary that lies in the package.
 * @throws ERR_SUPERSLAB_ADDONS_DISABLED, ERR_SUPERSLAB_BINARY
 */
export function loadAddon(packageRoot: string): unknown {
  let file: string | undefined;
  try {
    file = (require('node-gyp-build') as NodeGypBuild).resolve(packageRoot);
    return require(file);
  } catch (cause) {
    throw loadError(packageRoot, file, cause);
  }
}
