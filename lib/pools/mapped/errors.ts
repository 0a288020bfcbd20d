// What went wrong with a file, in words, with its path and what the system said.
import { getSystemErrorName } from 'node:util';
import type { FileFailure } from '../../addon/file-binding.js';
import { FILE_FAULT, FILE_STATUS } from '../../addon/generated/codes.js';
import { noteThrown } from '../../addon/misuse-sites.js';
import { type ErrorCode, makeError, type SuperslabError, show } from '../../base/errors.js';
import { misuseText } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { exactBytes } from '../../base/text.js';

type Hidden = (...args: never[]) => unknown;

/** What somebody did with a file. */
interface Attempt {
  readonly path: string;
  readonly mode: number;
  /** Of the pool. */
  readonly name: string;
  /** 0 while the file is being opened. */
  readonly maxBytes: number;
  /** Of a file that may be shared. */
  readonly lockTimeoutMs?: number;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  [FILE_STATUS.notFound]: 'there is no such file or folder; the folder has to exist',
  [FILE_STATUS.exists]: 'there is a file of this name already; give another path, or open it again',
  [FILE_STATUS.notRegular]: 'it is a folder, pipe, socket or device, no regular file',
  [FILE_STATUS.link]: 'it is a symbolic link, which is never followed; give the path of the file itself',
  [FILE_STATUS.foreignOwner]: 'it belongs to another user than the one of this process',
  [FILE_STATUS.noAccess]: 'the user of this process may not',
  [FILE_STATUS.readOnly]: "its file system is mounted to be read; open it with access: 'read'",
  [FILE_STATUS.noSpace]: 'the disk or quota is full',
  [FILE_STATUS.tooManyFiles]: 'as many files are open as may be; raise "ulimit -n"',
  [FILE_STATUS.noMemory]: 'there is no memory',
  [FILE_STATUS.locked]: 'somebody else has it locked',
  [FILE_STATUS.short]: 'it ends too early',
  [FILE_STATUS.unsupported]: 'its file system, or this system, lacks what is needed',
  [FILE_STATUS.io]: 'the system reported an error',
};

const octal = (mode: number): string => `0o${mode.toString(8)}`;

function statusText({ status }: FileFailure, mode: number): string {
  if (status === FILE_STATUS.tooOpen)
    return `its permission bits allow more than mode, ${octal(mode)}; "chmod ${mode.toString(8)}" it, or give a wider mode`;
  return STATUS_TEXT[status] ?? 'the system reported an error';
}

type Telling = readonly [code: ErrorCode, text: (failure: FileFailure, attempt: Attempt) => string];

const REOPEN = 'what was committed is safe: close the pool and open the file again';

const TELLINGS: Readonly<Record<number, Telling>> = {
  [FILE_FAULT.closed]: [
    'ERR_SUPERSLAB_CLOSED',
    (_, { name }) => `pool "${name}" is closed; open the file again`,
  ],
  [FILE_FAULT.readOnly]: [
    'ERR_SUPERSLAB_FILE_READ_ONLY',
    () => "the file was opened with access: 'read'; open it without, to change it",
  ],
  [FILE_FAULT.stale]: [
    'ERR_SUPERSLAB_STALE',
    ({ where }) => `handle ${where} names no block: it was freed, rolled back, or never given out`,
  ],
  [FILE_FAULT.full]: [
    'ERR_SUPERSLAB_EXHAUSTED',
    ({ where }, { name, maxBytes }) =>
      `pool "${name}" has no room for ${where} bytes under maxBytes, ${maxBytes}; ` +
      'free() blocks and commit(), or raise it in a new file',
  ],
  [FILE_FAULT.noSpace]: [
    'ERR_SUPERSLAB_FILE_SPACE',
    ({ where }, _) => `the file system gives no space for ${exactBytes(where)}; nothing was changed`,
  ],
  [FILE_FAULT.batchFull]: [
    'ERR_SUPERSLAB_COMMIT',
    ({ where }) => `one commit has room for ${exactBytes(where)} of changes; commit() before more`,
  ],
  [FILE_FAULT.uncommitted]: [
    'ERR_SUPERSLAB_COMMIT',
    () => 'there are changes that are not committed; commit() before trim()',
  ],
  [FILE_FAULT.range]: [
    'ERR_SUPERSLAB_ARGUMENT',
    ({ where }) => `the bytes must lie within the block, which has ${where}`,
  ],
  [FILE_FAULT.rootName]: [
    'ERR_SUPERSLAB_ARGUMENT',
    ({ where }) => `the name of a root has 1 to 48 bytes of UTF-8, this one has ${where}`,
  ],
  [FILE_FAULT.rootsFull]: [
    'ERR_SUPERSLAB_EXHAUSTED',
    ({ where }) => `all ${where} roots are in use; end some, or keep names in a block of your own`,
  ],
  [FILE_FAULT.failed]: [
    'ERR_SUPERSLAB_FILE_FAILED',
    ({ what }) => `${what} failed, and is never tried again; ${REOPEN}`,
  ],
  [FILE_FAULT.lost]: [
    'ERR_SUPERSLAB_FILE_FAILED',
    ({ what }) => `${what} of the file are not there: somebody cut it, or the disk failed; ${REOPEN}`,
  ],
  [FILE_FAULT.damaged]: [
    'ERR_SUPERSLAB_FILE_DAMAGED',
    ({ what, where }) => `${what} ${where} is damaged; restore the file from a copy`,
  ],
  [FILE_FAULT.backup]: [
    'ERR_SUPERSLAB_COMMIT',
    () => 'one backup of a pool is made at a time; wait for the promise of the other',
  ],
  [FILE_FAULT.busy]: [
    'ERR_SUPERSLAB_TIMEOUT',
    ({ where }, { lockTimeoutMs }) =>
      `${where === 0 ? 'another process' : `process ${where}`} changes the file, and has not committed within ${lockTimeoutMs} ms; ` +
      'try again, have it commit sooner, or raise lockTimeoutMs',
  ],
  [FILE_FAULT.file]: ['ERR_SUPERSLAB_FILE', (failure, { mode }) => statusText(failure, mode)],
  [FILE_FAULT.inUse]: [
    'ERR_SUPERSLAB_FILE_IN_USE',
    () =>
      'another pool, of this process or another, has it open; close that one first, or open both with shared: true',
  ],
  [FILE_FAULT.inUseShared]: [
    'ERR_SUPERSLAB_FILE_IN_USE',
    () => 'others have it open with shared: true; open it with that, too, or close them first',
  ],
  [FILE_FAULT.otherSync]: [
    'ERR_SUPERSLAB_FILE_IN_USE',
    ({ where }) => `others share it with sync: '${['none', 'data', 'full'][where]}'; open it with the same`,
  ],
  [FILE_FAULT.opening]: [
    'ERR_SUPERSLAB_TIMEOUT',
    (_, { lockTimeoutMs }) =>
      `another process opens, recovers or closes it, and was not done within ${lockTimeoutMs} ms; try again`,
  ],
  [FILE_FAULT.tooManyMembers]: [
    'ERR_SUPERSLAB_FILE_IN_USE',
    ({ where }) => `as many pools share it as can, ${where}; close some`,
  ],
  [FILE_FAULT.foreign]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    () => 'it is no file of superslab, and was left as it is; give another path, or remove it',
  ],
  [FILE_FAULT.byteOrder]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    () => 'it was made on a machine with another byte order',
  ],
  [FILE_FAULT.version]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ what, where }) =>
      `its ${what} ${where} are not known to this superslab, which knows version 1; use a newer one`,
  ],
  [FILE_FAULT.pageSize]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ where }) => `its pages have ${where} bytes, and this superslab works with 4096`,
  ],
  [FILE_FAULT.cut]: [
    'ERR_SUPERSLAB_FILE_DAMAGED',
    ({ where }) => `it was cut: ${where} bytes are left, fewer than it says; restore it from a copy`,
  ],
  [FILE_FAULT.otherSize]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ where }) => `it was made with maxBytes ${where}; give the same, or none`,
  ],
  [FILE_FAULT.otherChecksums]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ where }) => `it was made with checksums: ${where !== 0}, which stays so; give the same, or none`,
  ],
  [FILE_FAULT.otherSensitive]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ where }) => `it was made with sensitive: ${where !== 0}, which stays so; give the same, or none`,
  ],
  [FILE_FAULT.encrypted]: [
    'ERR_SUPERSLAB_KEY',
    () => 'its blocks are encrypted; give the key, or a function that has it, as key',
  ],
  [FILE_FAULT.notEncrypted]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    () =>
      'it was made without a key, and its blocks are not encrypted; give none, or copy them into a new file',
  ],
  [FILE_FAULT.needsReplay]: [
    'ERR_SUPERSLAB_FILE',
    ({ where }) => `it was not closed: its journal has ${where} records, and recover is false`,
  ],
  [FILE_FAULT.noMemory]: [
    'ERR_SUPERSLAB_NO_MEMORY',
    ({ where }) => `no addresses for a mapping of ${exactBytes(where)}; look at "ulimit -v"`,
  ],
  [FILE_FAULT.tooManyOpen]: [
    'ERR_SUPERSLAB_FILE',
    ({ where }) => `this process has ${where} mappings of files open; close some`,
  ],
  [FILE_FAULT.noDirect]: [
    'ERR_SUPERSLAB_FILE',
    () => 'its file system cannot read and write past the cache of the kernel; open it without direct: true',
  ],
};

/** Where the system knows the number. */
export function errnoName(errno: number): string {
  return errno === 0 ? '' : getSystemErrorName(-errno);
}

export function fileError(failure: FileFailure, attempt: Attempt): SuperslabError {
  const [code, text] =
    TELLINGS[failure.fault] ?? (['ERR_SUPERSLAB_FILE', () => `fault ${failure.fault}`] as const);
  const errno = errnoName(failure.errno);
  const said = errno === '' ? '' : ` (${errno})`;
  const Class = code === 'ERR_SUPERSLAB_ARGUMENT' ? RangeError : Error;
  const error = makeError(code, `${attempt.path}: ${text(failure, attempt)}${said}`, Class);
  const about = { path: attempt.path, errno };
  return Object.assign(error, failure.fault === FILE_FAULT.busy ? { ...about, pid: failure.where } : about);
}

/** A lock with a name that others have. */
export const lockBusy = (path: string, name: string, timeoutMs: number, isHere: boolean): SuperslabError =>
  Object.assign(
    makeError(
      'ERR_SUPERSLAB_TIMEOUT',
      isHere
        ? `${path}: this pool has the lock ${show(name)} already, and would wait for itself; release() it first`
        : `${path}: the lock ${show(name)} was not free within ${timeoutMs} ms; try again, or raise timeoutMs`,
    ),
    { path, errno: '' },
  );

export const noLocks = (path: string): SuperslabError =>
  Object.assign(makeError('ERR_SUPERSLAB_FILE', `${path}: its file system has no locks`), {
    path,
    errno: '',
  });

export const releasedLock = (name: string): SuperslabError =>
  makeError('ERR_SUPERSLAB_RELEASED', `the lock ${show(name)} was released before`);

export const withinTransaction = (path: string): SuperslabError =>
  Object.assign(
    makeError(
      'ERR_SUPERSLAB_COMMIT',
      `${path}: commit(), trim() and close() have to wait for the end of transaction(), which commits by itself`,
    ),
    { path, errno: '' },
  );

export const asyncTransaction = (path: string): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_ASYNC',
    `${path}: the function of transaction() returned a promise, and was undone; nothing may wait within it`,
    TypeError,
  );

/** The file contradicts itself. */
export const damagedBooks = (
  pool: string,
  path: string,
  wrong: number,
  messages: readonly string[],
): SuperslabError =>
  Object.assign(
    makeError(
      'ERR_SUPERSLAB_CORRUPT',
      `${path}: ${wrong} things of pool "${pool}" contradict each other (${messages.slice(0, 3).join('; ')}); ` +
        'restore the file from a copy',
    ),
    { path, errno: '' },
  );

const about = (pool: string) => ({ pool, tag: '', size: 0, acquired: '', released: '' });

/** The value is no buffer of that pool, and no handle either. */
export function noBlockOf(pool: string, value: unknown, what: string, hidden: Hidden): SuperslabError {
  noteThrown('foreign', about(pool), hidden);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} ${show(value)}, which is none of pool "${pool}"; give a buffer of that pool` +
      (what === 'free' ? ', or its handle' : ''),
    TypeError,
  );
  return showCaller(error, hidden);
}

/** The view was ended before. `acquired`: where it was made, empty when no stack was kept. */
export function endedError(
  pool: string,
  { handle, size, acquired }: { handle: number; size: number; acquired: string },
  what: string,
  hidden: Hidden,
): SuperslabError {
  const misuse = { pool, tag: '', size, acquired, released: '' };
  noteThrown('released-twice', misuse, hidden);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} a buffer (${size} B, handle ${handle}, pool "${pool}") that was released or freed before; ` +
      `each alloc, at and root is paired with one release or free${misuseText(misuse)}`,
  );
  return showCaller(error, hidden);
}

export const notAHandle = (value: unknown): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `a handle is the number that buf.handle is, or a buffer of the pool; got ${show(value)}`,
    TypeError,
  );
