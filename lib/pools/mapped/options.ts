import { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KnobOptions } from '../../addon/generated/options.js';
import {
  aCount,
  aFlag,
  aFunction,
  anAbortSignal,
  checkOptions,
  type OptionCheck,
  optionError,
} from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { makeError, type SuperslabError, show } from '../../base/errors.js';
import { isPrintable } from '../../base/text.js';
import { poolName } from '../pool-options.js';
import type { BackupProgress } from './backup.js';
import { ID_BYTES } from './encryption/key-record.js';
import { type FileKey, isKey } from './encryption/key-source.js';

/** Whether a file is only read. */
export type Access = 'read' | 'write';
/** What a commit makes durable: nothing (it outlives the process, not the machine), bytes, or the file's times too. */
export type Sync = 'none' | 'data' | 'full';
/** What a program will do with mapped bytes: see madvise(2). */
export type AccessPattern = 'normal' | 'sequential' | 'random' | 'willneed' | 'dontneed';

/** What a {@link MappedPool.slide} shows at a time. */
export interface SlideOptions {
  /**
   * Bytes of a view; the last one may have fewer.
   * @default 1 MiB
   */
  size?: number;
  /**
   * Bytes from the beginning of a view to that of the next one: fewer than `size` let them overlap, more leave some out.
   * @default size
   */
  step?: number;
}

/** Is told how many blocks were looked at, and of how many. */
export type RotationProgress = (done: number, total: number) => void;

/** What can be set when a {@link MappedPool} is opened. */
export interface MappedPoolOptions extends Pick<KnobOptions, 'leakDetection'> {
  /** In errors, reports and metrics; the path, or its end, if nothing else is said. */
  name?: string;
  /**
   * Bytes for blocks that a new file has at first.
   * @default 1 MiB
   */
  size?: number;
  /**
   * Bytes for blocks that the file may ever have, up to 128 GiB: fixed when it is made. Of a file that exists, it has to
   * be what that was made with, or be left out.
   * @default 1 GiB
   */
  maxBytes?: number;
  /**
   * Bytes by which the file grows.
   * @default an eighth of what it has, 1 MiB at least
   */
  growBy?: number;
  /**
   * Permission bits of a new file. One that exists and has more than these is refused.
   * @default 0o600
   */
  mode?: number;
  /**
   * What a commit makes durable unless it says otherwise. With less than 'data' a power failure may take what was
   * committed, and leave older bytes in blocks.
   * @default 'data'
   */
  sync?: Sync;
  /**
   * With 'read' nothing reaches the file: what the program writes into buffers stays in this process.
   * @default 'write'
   */
  access?: Access;
  /**
   * Whether a file that was not closed is recovered, by replaying its journal. Otherwise it is refused.
   * @default true
   */
  recover?: boolean;
  /**
   * Whether each block has a checksum, a CRC-32C, from the commit on that makes it last: fixed when the file is made, and to be left out, or
   * the same, for one that exists. Bytes of a committed block are then changed by write() alone. {@link MappedPool.verify} compares
   * them; at() does not.
   * @default false
   */
  checksums?: boolean;
  /**
   * Whether blocks that were freed, or never committed, and the journal's copies of what write() wrote are overwritten, and core dumps
   * leave the file out: fixed when the file is made, and to be left out, or the same, for one that exists. A freed block's space is used
   * again after the second commit, not the first.
   * @default false
   */
  sensitive?: boolean;
  /**
   * Encrypts the blocks, with AES-256-GCM: 32 bytes, or a function that returns them for an id. It is asked while the file is opened, and in a
   * shared file when another process has rotated the key; it returns no promise, as open() does not wait. Fixed when the file is made: a
   * file has a key for good, or never. Buffers of blocks are copies then, in locked memory: docs/FILES.md tells more.
   * @default none
   */
  key?: FileKey;
  /**
   * The id of the key of a new file, which stands in the file: up to 48 bytes.
   * @default '1'
   */
  keyId?: string;
  /**
   * A file that gets a line of JSON each time that the file is opened, refused, backed up or destroyed, or that its key is used or
   * rotated. What it does not take is not done.
   * @default none
   */
  audit?: string | URL;
  /**
   * Whether all processes and threads that open the file with this option have it in common. They have to agree on `sync`. Without it
   * the file belongs to one pool.
   * @default false
   */
  shared?: boolean;
  /**
   * How long a call waits while another process changes a shared file, before it throws ERR_SUPERSLAB_TIMEOUT. Unit: ms.
   * @default 5000
   */
  lockTimeoutMs?: number;
}

/** What a single commit may be told. */
export interface CommitOptions {
  /** Instead of the pool's. */
  sync?: Sync;
}

/** What lock() and lockAsync() may be told. */
export interface LockOptions {
  /**
   * Whether others may have the lock at the same time, if they take it with this, too.
   * @default false
   */
  shared?: boolean;
  /**
   * How long to wait for those who have it. Unit: ms.
   * @default lockTimeoutMs of the pool
   */
  timeoutMs?: number;
  /** Ends the wait of lockAsync(). It is looked at ten times a second. */
  signal?: AbortSignal;
}

/** What the wait() of changes() may be told. */
export interface ChangesOptions {
  /**
   * How long to wait. Unit: ms.
   * @default for ever
   */
  timeoutMs?: number;
  /** Ends the wait. It is looked at ten times a second. */
  signal?: AbortSignal;
}

/** What backup() may be told. */
export interface BackupOptions {
  /** Is told now and then, and at the end, how many bytes of the data are copied. */
  progress?: BackupProgress;
  /**
   * Permission bits of the copy.
   * @default 0o600
   */
  mode?: number;
}

/** What restore() may be told. */
export interface RestoreOptions extends BackupOptions {
  /**
   * A file that gets a line of JSON about it, as for open().
   * @default none
   */
  audit?: string | URL;
}

/** What rotateKey() may be told. */
export interface RotationOptions {
  /**
   * The id of the new key, for which a function that is given as `key` is asked. Up to 48 bytes.
   * @default '1', '2', ...: how many keys the file has had
   */
  keyId?: string;
  /** Is told now and then, and at the end, how many blocks were looked at, and of how many. */
  progress?: RotationProgress;
}

const MAX_BYTES = 128 * 2 ** 30;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const SYNCS: readonly Sync[] = ['none', 'data', 'full'];
const ACCESSES: readonly Access[] = ['read', 'write'];
const PATTERNS: readonly AccessPattern[] = ['normal', 'sequential', 'random', 'willneed', 'dontneed'];

const oneOf =
  (words: readonly string[]): OptionCheck =>
  (value) =>
    words.includes(value as string) ? undefined : words.map((word) => `'${word}'`).join(' or ');

const aMode: OptionCheck = (value) =>
  Number.isInteger(value) && ((value as number) & 0o600) === 0o600 && ((value as number) & ~0o777) === 0
    ? undefined
    : 'permission bits with 0o600, such as 0o640';

const aPath: OptionCheck = (value) =>
  (typeof value === 'string' && value !== '' && !value.includes('\0')) ||
  (value instanceof URL && value.protocol === 'file:')
    ? undefined
    : 'a non-empty string without NUL, or a file: URL';

/** Says nothing of the bytes. */
export function keyProblem(value: unknown): SuperslabError | undefined {
  if (isKey(value)) return undefined;
  const got = builtins.isUint8Array(value) ? `one of ${value.length}` : `a value of type ${typeof value}`;
  return optionError(`key must be a Uint8Array of 32 bytes; got ${got}`);
}

const aFileKey: OptionCheck = (value) => (typeof value === 'function' ? undefined : keyProblem(value));

const aKeyId: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' && isPrintable(value) && Buffer.byteLength(value) <= ID_BYTES
    ? undefined
    : `a printable string of 1 to ${ID_BYTES} bytes`;

const checks = {
  // poolName() and the native side look at these two.
  name: () => undefined,
  leakDetection: () => undefined,
  size: aCount(1, MAX_BYTES),
  maxBytes: aCount(65_536, MAX_BYTES),
  growBy: aCount(1, MAX_BYTES),
  mode: aMode,
  sync: oneOf(SYNCS),
  access: oneOf(ACCESSES),
  recover: aFlag,
  checksums: aFlag,
  sensitive: aFlag,
  key: aFileKey,
  keyId: aKeyId,
  audit: aPath,
  shared: aFlag,
  lockTimeoutMs: aCount(0, MAX_TIMEOUT_MS),
} satisfies Record<keyof MappedPoolOptions, OptionCheck>;

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkMappedOptions(options: MappedPoolOptions): void {
  checkOptions('MappedPool.open()', options, checks);
  const { size = 0, maxBytes = 2 ** 30 } = options;
  if (options.keyId !== undefined && options.key === undefined)
    throw optionError('keyId of MappedPool.open() is the id of a key; give that as key');
  if (options.shared === true && options.access === 'read')
    throw optionError(
      "shared of MappedPool.open() needs access: 'write', since members of a file write to it",
    );
  if (size > maxBytes)
    throw optionError(`size of MappedPool.open() is ${size}, more than maxBytes, ${maxBytes}`, RangeError);
}

/** Bytes of a name that figures have room for (native/pools/pool_figures.h). */
const NAME_BYTES = 63;

/** The name of the pool in the file of an absolute path. */
export function nameOf(path: string, options: MappedPoolOptions): string {
  if (options.name !== undefined) return poolName(options);
  const shown = Array.from(path, (letter) => (isPrintable(letter) ? letter : '?'));
  while (Buffer.byteLength(shown.join('')) > NAME_BYTES) shown.splice(0, 2, '…');
  return shown.join('');
}

/** As the native side takes it. */
export const syncLevel = (sync: Sync): number => SYNCS.indexOf(sync);

/** As the native side takes it. */
export const featureCode = (wanted: boolean | undefined): number =>
  wanted === undefined ? 0 : wanted ? 2 : 1;

/** The level of a commit's options; -1 for the pool's own. */
export function commitLevel(options: CommitOptions | undefined): number {
  if (options === undefined) return -1;
  checkOptions('commit()', options, { sync: checks.sync });
  return options.sync === undefined ? -1 : syncLevel(options.sync);
}

const lockChecks = { shared: aFlag, timeoutMs: aCount(0, MAX_TIMEOUT_MS), signal: anAbortSignal };
const waitChecks = { timeoutMs: lockChecks.timeoutMs, signal: anAbortSignal };

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkLockOptions(where: string, options: LockOptions): void {
  checkOptions(where, options, lockChecks);
}

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkSlideOptions(options: SlideOptions): void {
  checkOptions('slide()', options, { size: aCount(1, MAX_BYTES), step: aCount(1, MAX_BYTES) });
}

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkChangesOptions(options: ChangesOptions): void {
  checkOptions('changes().wait()', options, waitChecks);
}

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkBackupOptions(where: string, options: BackupOptions): void {
  checkOptions(where, options, { progress: aFunction, mode: aMode });
}

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkRestoreOptions(options: RestoreOptions): void {
  checkOptions('MappedPool.restore()', options, { progress: aFunction, mode: aMode, audit: aPath });
}

/** Throws ERR_SUPERSLAB_OPTION for what is no such options. */
export function checkRotationOptions(options: RotationOptions): void {
  checkOptions('rotateKey()', options, { progress: aFunction, keyId: aKeyId });
}

/** As the native side takes it; throws ERR_SUPERSLAB_ARGUMENT. */
export function patternCode(pattern: AccessPattern): number {
  const code = PATTERNS.indexOf(pattern);
  if (code >= 0) return code;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `pattern must be one of ${PATTERNS.join(', ')}, got ${show(pattern)}`,
    TypeError,
  );
}

/** An absolute path; throws ERR_SUPERSLAB_ARGUMENT for what is no path. */
export function checkPath(path: string | URL): string {
  const text = path instanceof URL && path.protocol === 'file:' ? fileURLToPath(path) : path;
  if (typeof text === 'string' && text !== '' && !text.includes('\0')) return resolve(text);
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `path must be a non-empty string without NUL, or a file: URL, got ${show(path)}`,
    TypeError,
  );
}
