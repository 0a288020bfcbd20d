// Finds a program as execvp(3) does, and tells why a library cannot be preloaded into it.
import { accessSync, closeSync, constants, openSync, readSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { type ElfFile, readElf } from '../base/elf.js';
import { CliError, EXIT } from './cli-error.js';

/** As long as the kernel reads of a "#!" line (BINPRM_BUF_SIZE). */
const FIRST_LINE_BYTES = 256;
/** The kernel follows scripts whose interpreters are scripts no further than this. */
const MAX_SCRIPTS = 4;

type Found = 'yes' | 'no' | 'notExecutable';

function look(file: string): Found {
  try {
    if (!statSync(file).isFile()) return 'notExecutable';
    accessSync(file, constants.X_OK);
    return 'yes';
  } catch (error) {
    // Also for a folder on the way that may not be entered.
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'notExecutable' : 'no';
  }
}

/** The file that `name` starts. */
export function findProgram(name: string, searchPath: string | undefined): string {
  const candidates = name.includes('/')
    ? [name]
    : (searchPath ?? '/bin:/usr/bin').split(':').map((folder) => path.join(folder || '.', name));
  let refused: string | undefined;
  for (const file of candidates) {
    const found = name === '' ? 'no' : look(file);
    if (found === 'yes') return path.resolve(file);
    if (found === 'notExecutable') refused ??= file;
  }
  if (refused !== undefined) {
    throw new CliError(
      'ERR_SUPERSLAB_NOT_EXECUTABLE',
      EXIT.cannotRun,
      `${refused} is no file that this user may execute; chmod +x makes one of it`,
    );
  }
  const where = name.includes('/') ? '' : ' in PATH; give its path, with a slash in it';
  throw new CliError('ERR_SUPERSLAB_NOT_FOUND', EXIT.notFound, `no program ${JSON.stringify(name)}${where}`);
}

/** The interpreter that a script names in its first line; undefined: no script, or unreadable. */
function interpreterOf(file: string): string | undefined {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(FIRST_LINE_BYTES);
    const text = bytes.toString('latin1', 0, readSync(handle, bytes));
    return /^#![ \t]*([^\s\0]+)/.exec(text)?.[1];
  } finally {
    closeSync(handle);
  }
}

/** Whether the kernel gives the process that runs this file another user or group (AT_SECURE). */
function changesIdentity(stats: Stats): boolean {
  const setUid = (stats.mode & 0o4000) !== 0 && stats.uid !== process.getuid?.();
  // Without the group's x bit this one once meant a kind of locking, and still changes no group.
  const setGid = (stats.mode & 0o2010) === 0o2010 && stats.gid !== process.getgid?.();
  return setUid || setGid;
}

function checkBinary(file: string, elf: ElfFile, library: ElfFile): void {
  const refuse = (code: ConstructorParameters<typeof CliError>[0], message: string) => {
    throw new CliError(code, EXIT.cannotRun, `${file} ${message}`);
  };
  if (elf.machine !== library.machine) {
    refuse(
      'ERR_SUPERSLAB_ARCH',
      `is for ${elf.machine}, and libsuperslab.so for ${library.machine}; ` +
        'use a build of the program for this machine',
    );
  }
  if (elf.interpreter === undefined) {
    refuse(
      'ERR_SUPERSLAB_STATIC',
      'is statically linked: nothing can be preloaded into it; ' +
        'link it without -static, or run it without superslab',
    );
  }
  if (/\bld-musl|\/system\/bin\/linker/.test(elf.interpreter ?? '')) {
    refuse(
      'ERR_SUPERSLAB_LIBC',
      `starts with ${elf.interpreter}, and libsuperslab.so is for glibc; ` +
        'use a build of the program for glibc, in a container one based on Debian, Ubuntu or Fedora',
    );
  }
  if (changesIdentity(statSync(file))) {
    refuse(
      'ERR_SUPERSLAB_SETUID',
      'is set-uid or set-gid: the loader ignores LD_PRELOAD for it; ' +
        'run superslab as the user that the program changes to',
    );
  }
}

/** Throws unless `library` can be preloaded into what `program`, a file or a script, starts. */
export function checkProgram(program: string, library: ElfFile): void {
  let file = program;
  for (let scripts = 0; scripts <= MAX_SCRIPTS; scripts++) {
    const elf = readElf(file);
    if (elf !== undefined) {
      checkBinary(file, elf, library);
      return;
    }
    const interpreter = interpreterOf(file);
    // Whatever else the kernel or a shell makes of it.
    if (interpreter === undefined) return;
    if (look(interpreter) === 'no') {
      throw new CliError(
        'ERR_SUPERSLAB_NOT_FOUND',
        EXIT.notFound,
        `${file} wants to be run by ${interpreter}, which does not exist; correct its first line`,
      );
    }
    file = interpreter;
  }
}
