import { facts } from '../../addon/environment.js';
import { PAGE_CHECKSUM } from '../../addon/generated/codes.js';
import type { KnobOptions } from '../../addon/generated/options.js';
import { aFlag, checkOptions, type OptionCheck, optionError } from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';
import { checkPath } from '../mapped/options.js';
import { knobChecks, optionPairs } from '../pool-options.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const MIN_PAGE = 512;
const MAX_PAGE = MIB;
const MAX_CACHE = 2 ** 38;

/** Those of every pool that a PageCache decides by itself. */
type Decided = 'maxBytes' | 'onExhausted' | 'guardPages' | 'quarantineBytes' | 'sensitive' | 'zero';

/** What can be set for a {@link PageCache}. The knobs of docs/KNOBS.md hold too, but for those that it decides. */
export interface PageCacheOptions extends Omit<KnobOptions, Decided> {
  /** The file, by a path or a file: URL. It is made unless it is there; its folder has to exist. */
  file: string | URL;
  /**
   * Length of a page: a power of two from 512 to 1 MiB. Unit: bytes.
   * @default 4096
   */
  pageSize?: number;
  /**
   * Most bytes of pages in memory, at least one page. Unit: bytes.
   * @default 67108864
   */
  cacheBytes?: number;
  /**
   * Reads and writes past the kernel's page cache (O_DIRECT), so that no page is in memory twice. Pages have 4096 bytes or more then.
   * @default false
   */
  direct?: boolean;
  /**
   * Otherwise the last 8 bytes of each page are a checksum, which is looked at whenever the page is read: XXH3 of 64 bits, the faster one, or
   * the page's number and its CRC-32C. A file whose pages have the other of the two is read, too.
   * @default 'none'
   */
  checksums?: keyof typeof PAGE_CHECKSUM;
  /**
   * `'read'`: nothing can be changed, and several caches may read one file.
   * @default 'write'
   */
  access?: 'read' | 'write';
  /**
   * Permission bits of a new file; a file that others may do more with is refused.
   * @default 0o600
   */
  mode?: number;
  /**
   * For errors and reports, of printable characters.
   * @default the path
   */
  name?: string;
}

const decided: readonly string[] = [
  'maxBytes',
  'onExhausted',
  'guardPages',
  'quarantineBytes',
  'sensitive',
  'zero',
] satisfies Decided[];
/** The native side checks the values of knobs, and others are checked where they are used. */
const anything: OptionCheck = () => undefined;

const isPageSize = (value: unknown): value is number =>
  Number.isInteger(value) &&
  (value as number) >= MIN_PAGE &&
  (value as number) <= MAX_PAGE &&
  ((value as number) & ((value as number) - 1)) === 0;

const notForSecrets: OptionCheck = () =>
  optionError('a PageCache takes no secrets: what it has lies in a file; use a BufferPool');

const oneOf =
  (...words: readonly string[]): OptionCheck =>
  (value) =>
    words.includes(value as string) ? undefined : words.map(show).join(' or ');

const aMode: OptionCheck = (value) =>
  Number.isInteger(value) && ((value as number) & 0o600) === 0o600 && ((value as number) & ~0o777) === 0
    ? undefined
    : 'permission bits with 0o600, such as 0o640';

const checks: Readonly<Record<string, OptionCheck>> = {
  file: anything,
  pageSize: (value) => (isPageSize(value) ? undefined : `a power of two from ${MIN_PAGE} to ${MAX_PAGE}`),
  cacheBytes: (value) =>
    Number.isInteger(value) && (value as number) >= MIN_PAGE && (value as number) <= MAX_CACHE
      ? undefined
      : `a whole number of bytes from ${MIN_PAGE} to ${MAX_CACHE}`,
  direct: aFlag,
  checksums: oneOf(...Object.keys(PAGE_CHECKSUM)),
  access: oneOf('write', 'read'),
  mode: aMode,
  name: anything,
  sensitive: notForSecrets,
  ...knobChecks(decided),
};

/** Options that were checked, and what follows from them. */
export interface PageSettings {
  readonly path: string;
  readonly pageSize: number;
  /** Bytes of a page that are the program's. */
  readonly usableBytes: number;
  readonly frames: number;
  readonly direct: boolean;
  /** One of PAGE_CHECKSUM. */
  readonly checksum: number;
  readonly reads: boolean;
  readonly mode: number;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

/** Bytes at the end of a page with a checksum (native/pools/page_cache/page_checksum.h). */
const TRAILER_BYTES = 8;

/** @throws ERR_SUPERSLAB_OPTION, and ERR_SUPERSLAB_ARGUMENT for a wrong path */
export function pageSettings(options: PageCacheOptions): PageSettings {
  checkOptions('PageCache.open()', options, checks);
  const {
    file,
    pageSize = 4 * KIB,
    cacheBytes = 64 * MIB,
    direct = false,
    checksums = 'none',
    access = 'write',
    mode = 0o600,
    name: _,
    ...knobOptions
  } = options;
  if (file === undefined) throw optionError('PageCache.open() needs the option file, a path');
  const frames = Math.floor(cacheBytes / pageSize);
  if (frames < 1) {
    throw optionError(
      `cacheBytes of PageCache.open() must have room for a page of ${pageSize} B, got ${cacheBytes}`,
      RangeError,
    );
  }
  if (direct && pageSize % facts.pageBytes !== 0) {
    throw optionError(
      `pageSize of PageCache.open() must be a multiple of ${facts.pageBytes} with direct: true, got ${pageSize}`,
      RangeError,
    );
  }
  const pairs = optionPairs(knobOptions);
  pairs.push(['maxBytes', frames * pageSize], ['onExhausted', 'throw']);
  return {
    path: checkPath(file),
    pageSize,
    usableBytes: pageSize - (checksums === 'none' ? 0 : TRAILER_BYTES),
    frames,
    direct,
    checksum: PAGE_CHECKSUM[checksums],
    reads: access === 'read',
    mode,
    pairs,
  };
}
