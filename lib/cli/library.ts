// Where libsuperslab.so lies.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ElfFile, readElf } from '../base/elf.js';
import { CliError, EXIT } from './cli-error.js';

// Compiled, this file lies in dist/cjs/cli/.
const packageRoot = path.join(__dirname, '..', '..', '..');
const NAME = 'libsuperslab.so';

const libraryError = (message: string) => new CliError('ERR_SUPERSLAB_LIBRARY', EXIT.cannotRun, message);

export interface Library {
  readonly path: string;
  readonly elf: ElfFile;
}

/** What was built here, else what came with the package: the order in which the addon is looked for. */
export function findLibrary(): Library {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') {
    throw libraryError(
      `there is no ${NAME} for ${platform}: superslab replaces malloc on Linux only; ` +
        'run the program in a Linux container, or without superslab',
    );
  }
  const candidates = [
    path.join(packageRoot, 'build/Release', NAME),
    path.join(packageRoot, 'prebuilds', platform, NAME),
  ];
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw libraryError(
      `no ${NAME} for ${platform}, neither ${candidates.join(' nor ')}; in the package's folder, build one with ` +
        '"npm install --no-save node-addon-api && npx node-gyp rebuild" (needs python3, make and a C++20 compiler)',
    );
  }
  const elf = readElf(found);
  if (elf === undefined) throw libraryError(`${found} is no library; build or install it again`);
  // The loader takes both for the end of a name, and knows no way to quote them.
  if (/[\s:]/.test(found)) {
    throw libraryError(
      `LD_PRELOAD cannot name ${JSON.stringify(found)}, for the space or colon in it; ` +
        'install superslab in a folder without',
    );
  }
  return { path: found, elf };
}

/** The value of LD_PRELOAD that puts `library` before what is `already` there: the first malloc counts. */
export function preload(library: string, already = ''): string {
  const others = already.split(/[\s:]+/).filter((name) => name !== '' && name !== library);
  return [library, ...others].join(':');
}
