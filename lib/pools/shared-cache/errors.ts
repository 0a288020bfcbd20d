// What is thrown by shared caches, and for the misuse of their pages.
import type { FileFailure } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { CACHE_MAX_KEY_BYTES } from '../../addon/generated/memory.js';
import { noteThrown } from '../../addon/misuse-sites.js';
import { type ErrorCode, makeError, type SuperslabError, show } from '../../base/errors.js';
import type { MisusedBuffer } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { exactBytes } from '../../base/text.js';
import { fileError } from '../mapped/errors.js';

type Telling = readonly [code: ErrorCode, text: (failure: FileFailure) => string];

/** Where a cache has other things to say than a heap in a file. */
const TELLINGS: Readonly<Record<number, Telling>> = {
  [FILE_FAULT.full]: [
    'ERR_SUPERSLAB_EXHAUSTED',
    ({ where }) => `${where} threads have the cache open, as many as may; close some`,
  ],
  [FILE_FAULT.noSpace]: [
    'ERR_SUPERSLAB_FILE_SPACE',
    ({ where }) =>
      `the file system gives no space for ${exactBytes(where)}; give a smaller maxBytes or another path. The /dev/shm of a container has ` +
      '64 MiB unless "--shm-size" says otherwise',
  ],
  [FILE_FAULT.damaged]: [
    'ERR_SUPERSLAB_FILE_DAMAGED',
    ({ what }) => `its ${what} is damaged; remove the file, and the next open() makes another`,
  ],
  [FILE_FAULT.cut]: [
    'ERR_SUPERSLAB_FILE_DAMAGED',
    ({ where }) =>
      `it was cut: ${where} bytes are left, fewer than it says; remove the file, and the next open() makes another`,
  ],
  [FILE_FAULT.lost]: [
    'ERR_SUPERSLAB_FILE_FAILED',
    ({ what }) =>
      `${what} of the file are not there: somebody cut it, or the disk failed; close the cache, remove the file and open it again`,
  ],
  [FILE_FAULT.otherSize]: [
    'ERR_SUPERSLAB_FILE_FORMAT',
    ({ where }) =>
      `it was made with maxBytes ${where}; give the same, or none, or remove the file when nobody has it open`,
  ],
  [FILE_FAULT.inUse]: [
    'ERR_SUPERSLAB_FILE_IN_USE',
    () => 'another process is making it ready, and does not end',
  ],
};

export const closedCache = (cache: string): SuperslabError =>
  makeError('ERR_SUPERSLAB_CLOSED', `cache "${cache}" is closed; open it again`);

export function cacheError(failure: FileFailure, path: string, mode: number): SuperslabError {
  const telling = TELLINGS[failure.fault];
  if (telling === undefined) return fileError(failure, { path, mode, name: path, maxBytes: 0 });
  const [code, text] = telling;
  const { errno } = fileError(failure, { path, mode, name: path, maxBytes: 0 });
  return Object.assign(makeError(code, `${path}: ${text(failure)}`), { path, errno });
}

export function keyError(key: unknown): SuperslabError {
  const isText = typeof key === 'string';
  return makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    isText
      ? `a key has at most ${CACHE_MAX_KEY_BYTES} bytes of UTF-8, got ${key.length} characters, ${show(key)}; use a hash of it`
      : `a key must be a string, got ${show(key)}`,
    isText ? RangeError : TypeError,
  );
}

export const closedWhileComputing = (cache: string): SuperslabError =>
  makeError('ERR_SUPERSLAB_CLOSED', `cache "${cache}" was closed while getOrCompute() waited`);

export const bytesError = (where: string, value: unknown): SuperslabError =>
  makeError('ERR_SUPERSLAB_ARGUMENT', `${where} must be a Uint8Array, got ${show(value)}`, TypeError);

export const tooLong = (bytes: number, most: number): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_SIZE',
    `a value of this cache has at most ${exactBytes(most)}, got ${bytes}; give a larger maxBytes, or cut it into parts`,
    RangeError,
  );

export const busyError = (what: string, path: string): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_TIMEOUT',
    `${what} found a part of ${path} locked for half a second by a process that lives; it may have been stopped: continue or end it, or try again`,
  );

export const tooManyPins = (cache: string, most: number, keys: readonly string[]): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_EXHAUSTED',
    `this thread has ${most} pages of cache "${cache}" pinned, as many as it may; release() some, such as ${keys.map(show).join(', ')}`,
  );

const aboutPage = (pool: string, size: number): MisusedBuffer => ({
  pool,
  tag: '',
  size,
  acquired: '',
  released: '',
});

/** A page that is not pinned, or not any more. */
export function releasedPage(key: string, cache: string, size: number): Error {
  noteThrown('released-twice', aboutPage(cache, size), releasedPage);
  return showCaller(
    makeError(
      'ERR_SUPERSLAB_RELEASED',
      `the page of ${show(key)} in cache "${cache}" was already released; each pin is paired with one release`,
    ),
    releasedPage,
  );
}

/** For what is no page of a cache. */
export function foreignPage(value: unknown): Error {
  noteThrown('foreign', aboutPage('', 0), foreignPage);
  return showCaller(
    makeError(
      'ERR_SUPERSLAB_FOREIGN',
      `cannot release ${show(value)}: it is no page of a SharedCache; call the method of what pin() gave`,
      TypeError,
    ),
    foreignPage,
  );
}
