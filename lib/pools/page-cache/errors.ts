// What is thrown for wrong page numbers and the misuse of pages, and when the file fails.
import type { FileFailure } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, type SuperslabError, show } from '../../base/errors.js';
import { type MisusedBuffer, misuseText } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { exactBytes } from '../../base/text.js';
import { errnoName, fileError } from '../mapped/errors.js';
import type { PageSettings } from './options.js';

const HOW_TO_LEARN_MORE = '; SUPERSLAB_LEAK_DETECTION=full tells where it was pinned';
const REOPEN = 'what the last checkpoint() wrote is safe: close the cache and open the file again';

const withFile = (error: SuperslabError, path: string, errno: string): SuperslabError =>
  Object.assign(error, { path, errno });

/** What a failure of the file means. `pageCount` is how many pages it has. */
export function pageFileError(
  failure: FileFailure,
  { path, mode, pageSize }: PageSettings,
  pageCount: number,
): SuperslabError {
  const { fault, what, where } = failure;
  const errno = errnoName(failure.errno);
  const said = errno === '' ? '' : ` (${errno})`;
  const make = (code: Parameters<typeof makeError>[0], text: string, Class = Error) =>
    withFile(makeError(code, `${path}: ${text}${said}`, Class), path, errno);
  switch (fault) {
    case FILE_FAULT.noPage:
      return make(
        'ERR_SUPERSLAB_ARGUMENT',
        `there is no page ${where}: the file has ${pageCount} pages, counted from 0; grow() it`,
        RangeError,
      );
    case FILE_FAULT.fileLength:
      return make(
        'ERR_SUPERSLAB_FILE_FORMAT',
        `its length of ${exactBytes(where)} is no multiple of a page of ${pageSize} B, or it has too many pages; give the pageSize that it was made with`,
      );
    case FILE_FAULT.damaged:
      return make(
        'ERR_SUPERSLAB_FILE_DAMAGED',
        `page ${where} is damaged: its checksum is wrong; restore it from a copy, or open the file without checksums if it was written without`,
      );
    case FILE_FAULT.lost:
      return make(
        'ERR_SUPERSLAB_FILE_FAILED',
        `page ${where} is not there: somebody cut the file while it was open; ${REOPEN}`,
      );
    case FILE_FAULT.failed:
      return what === 'reading page'
        ? make('ERR_SUPERSLAB_FILE_FAILED', `${what} ${where} failed; look at the disk`)
        : make('ERR_SUPERSLAB_FILE_FAILED', `${what} failed, and is never tried again; ${REOPEN}`);
    case FILE_FAULT.noSpace:
      return make(
        'ERR_SUPERSLAB_FILE_SPACE',
        `the file system gives no space for ${exactBytes(where)}; pages that could not be written are in memory still, and dirty: make room, and checkpoint() again`,
      );
    case FILE_FAULT.closed:
      return make('ERR_SUPERSLAB_CLOSED', 'the cache is closed; open the file again');
    case FILE_FAULT.readOnly:
      return readOnlyError(path);
    default:
      return fileError(failure, { path, mode, name: path, maxBytes: 0 });
  }
}

export const readOnlyError = (path: string): SuperslabError =>
  withFile(
    makeError(
      'ERR_SUPERSLAB_FILE_READ_ONLY',
      `${path}: the file was opened with access: 'read'; open it without, to change it`,
    ),
    path,
    '',
  );

export const argumentError = (message: string, Class: typeof TypeError | typeof RangeError = RangeError) =>
  makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);

/** For what is no number of a page, whatever the file has. */
export const notAPageNumber = (value: unknown, what: string): SuperslabError =>
  argumentError(
    `${what} takes the number of a page, a whole number from 0 on, got ${show(value)}`,
    typeof value === 'number' ? RangeError : TypeError,
  );

export const tooManyPinsError = (no: number, cache: string): SuperslabError =>
  argumentError(
    `page ${no} of cache "${cache}" is pinned 65535 times, and no more pins are counted; release() what is done with`,
  );

export const scanBusyError = (): Error =>
  argumentError('next() of a scan was called before the page of the last one had come; await it first');

const unwatched = (pool: string, size: number): MisusedBuffer => ({
  pool,
  tag: '',
  size,
  acquired: '',
  released: '',
});

/** A page that is not pinned, or not any more. */
export function notPinnedError(
  no: number,
  what: string,
  pool: string,
  size: number,
  misuse?: MisusedBuffer,
): Error {
  noteThrown(
    what === 'release' ? 'released-twice' : 'used-after-release',
    misuse ?? unwatched(pool, size),
    notPinnedError,
  );
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} page ${no} of cache "${pool}", which is not pinned; each pin is paired with one release` +
      (misuse === undefined ? HOW_TO_LEARN_MORE : `${misuseText(misuse)}\n  now`),
    Error,
    { misuse },
  );
  return showCaller(error, notPinnedError);
}

/** For what is no page of a cache. */
export function foreignPageError(value: unknown, what: string): Error {
  noteThrown('foreign', unwatched('', 0), foreignPageError);
  return showCaller(
    makeError(
      'ERR_SUPERSLAB_FOREIGN',
      `cannot ${what} ${show(value)}: it is no page of a PageCache; call the method of what pin() gave`,
      TypeError,
    ),
    foreignPageError,
  );
}
