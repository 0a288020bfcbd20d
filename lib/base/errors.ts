import type { MisusedBuffer } from './misuse.js';

/** Every code that an error of superslab carries in `code`. They are part of the API. */
export type ErrorCode =
  /** A size, or an offset of a packet, that is not a whole number from 0 to the limit. RangeError, or TypeError when no number. */
  | 'ERR_SUPERSLAB_SIZE'
  /** The buffer was released before. */
  | 'ERR_SUPERSLAB_RELEASED'
  /** Not a leased buffer of superslab: a plain Buffer, a slice of a pooled one, something else. */
  | 'ERR_SUPERSLAB_FOREIGN'
  /** Bytes behind a buffer were overwritten; thrown by its release, when the pool has a guard that looks. */
  | 'ERR_SUPERSLAB_OVERFLOW'
  /** The pool was closed. */
  | 'ERR_SUPERSLAB_CLOSED'
  /** The token was never given out by share() of this process. */
  | 'ERR_SUPERSLAB_TOKEN'
  /** The token was adopted or revoked before. */
  | 'ERR_SUPERSLAB_TOKEN_USED'
  /** The pool's maxBytes are in use, or all the buffers of a FixedPool or segments of a PacketPool. */
  | 'ERR_SUPERSLAB_EXHAUSTED'
  /** The operating system gives no more memory. */
  | 'ERR_SUPERSLAB_NO_MEMORY'
  /** An option that does not exist or has an impossible value. */
  | 'ERR_SUPERSLAB_OPTION'
  /** A SUPERSLAB_* variable that does not exist or has an impossible value. */
  | 'ERR_SUPERSLAB_ENV'
  /** The file that SUPERSLAB_POLICY names cannot be used: it is none, is damaged, or is for another version or machine. */
  | 'ERR_SUPERSLAB_POLICY'
  /** A file of allocations cannot be read or written, or is none, damaged, or of another version. */
  | 'ERR_SUPERSLAB_TRACE'
  /** No native binary for this platform, or one that cannot be read or loaded: the message says why. */
  | 'ERR_SUPERSLAB_BINARY'
  /** Node.js may load no native addons: --no-addons, or --permission without --allow-addons. */
  | 'ERR_SUPERSLAB_ADDONS_DISABLED'
  /** The host forbids external ArrayBuffers, as Electron does from version 21; or has no /proc/self/smaps. */
  | 'ERR_SUPERSLAB_HOST'
  /** An optional package that this entry of superslab needs is not installed. */
  | 'ERR_SUPERSLAB_PEER'
  /** The inspector's port is taken, or may not be used. */
  | 'ERR_SUPERSLAB_PORT'
  /** The socket by which other programs look into this process cannot be opened. */
  | 'ERR_SUPERSLAB_SOCKET'
  /** create of an ObjectPool failed as often as it is called again; its error is the `cause`. */
  | 'ERR_SUPERSLAB_CREATE'
  /** acquire() waited in vain, or a function of the program took too long. */
  | 'ERR_SUPERSLAB_TIMEOUT'
  /** A function of the program returned a promise where nothing can wait for it. TypeError. */
  | 'ERR_SUPERSLAB_ASYNC'
  /** A pool's own books contradict each other: memory was overwritten, by native code or by a bug of superslab. */
  | 'ERR_SUPERSLAB_CORRUPT'
  /** A codec of the program failed; its error, if there is one, is the `cause`. */
  | 'ERR_SUPERSLAB_CODEC'
  /** What a handle names has ended: its memory may be another's. */
  | 'ERR_SUPERSLAB_STALE'
  /** A file cannot be opened, locked or made; `errno` says why where the system does. */
  | 'ERR_SUPERSLAB_FILE'
  /** Another pool, of this process or another, has the file open. */
  | 'ERR_SUPERSLAB_FILE_IN_USE'
  /** The file is none of superslab's, or of another version, machine or size. */
  | 'ERR_SUPERSLAB_FILE_FORMAT'
  /** The file contradicts itself or its checksums, or was cut. */
  | 'ERR_SUPERSLAB_FILE_DAMAGED'
  /** Writing or syncing failed, or mapped pages are not there: the pool changes nothing until the file is opened again. */
  | 'ERR_SUPERSLAB_FILE_FAILED'
  /** The disk has no space for what was asked for. */
  | 'ERR_SUPERSLAB_FILE_SPACE'
  /** The file was opened with `access: 'read'`. */
  | 'ERR_SUPERSLAB_FILE_READ_ONLY'
  /** The key of an encrypted file is missing, is another one, or has sealed too much. */
  | 'ERR_SUPERSLAB_KEY'
  /** More changes than one commit can have, or a commit where there can be none. */
  | 'ERR_SUPERSLAB_COMMIT'
  /** Any other argument of the wrong kind. */
  | 'ERR_SUPERSLAB_ARGUMENT';

/** What superslab throws: an Error, RangeError or TypeError with a stable `code`. */
export interface SuperslabError extends Error {
  readonly code: ErrorCode;
  /** For misuse of a buffer that is watched (leak detection, guards): which it is. */
  readonly pool?: string;
  readonly tag?: string;
  /** Its length when it was acquired. */
  readonly size?: number;
  /** Stack of its acquire; empty when none was kept. */
  readonly acquired?: string;
  /** Stack of its last release, likewise. */
  readonly released?: string;
  /** Of a block of an encrypted file that was changed: which. */
  readonly handle?: number;
  /** Of the ERR_SUPERSLAB_FILE codes: which file. */
  readonly path?: string;
  /** Of those: what the system said, "ENOSPC"; empty when it said nothing. */
  readonly errno?: string;
}

/** Whether superslab itself threw `error`, and not, say, a stack that is full. */
export const isSuperslabError = (error: unknown): error is SuperslabError =>
  String((error as Partial<SuperslabError> | undefined)?.code).startsWith('ERR_SUPERSLAB_');

/** Whether the stack was full where this was thrown. */
export const isFullStack = (error: unknown): boolean =>
  error instanceof RangeError && error.message === 'Maximum call stack size exceeded';

type ErrorClass = new (message: string, options?: { cause?: unknown }) => Error;

/** The message begins with the code, so that it is there in logs that show nothing else. */
export function makeError(
  code: ErrorCode,
  message: string,
  Class: ErrorClass = Error,
  options?: { cause?: unknown; misuse?: MisusedBuffer },
): SuperslabError {
  const error = new Class(`${code}: ${message}`, options) as Error & { code: ErrorCode };
  error.code = code;
  if (options?.misuse === undefined) return error;
  const { pool, tag, size, acquired, released } = options.misuse;
  return Object.assign(error, { pool, tag, size, acquired, released });
}

/** A value as it may stand in a message: short, on one line. */
export function show(value: unknown): string {
  try {
    return shown(value);
  } catch {
    return 'an object that throws when it is looked at';
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (value === null || typeof value !== 'object') return String(value);
  return `an instance of ${value.constructor?.name ?? 'Object'}`;
}

export function sizeError(size: unknown, limit: number): SuperslabError {
  if (typeof size !== 'number') {
    return makeError(
      'ERR_SUPERSLAB_SIZE',
      `size must be a number of bytes, got ${show(size)} (${typeof size})`,
      TypeError,
    );
  }
  return makeError(
    'ERR_SUPERSLAB_SIZE',
    `size must be a whole number of bytes from 0 to ${limit}, got ${size}`,
    RangeError,
  );
}

export function hostError(): SuperslabError {
  return makeError(
    'ERR_SUPERSLAB_HOST',
    'this host forbids external ArrayBuffers (Electron does, from version 21): superslab cannot work in it',
  );
}
