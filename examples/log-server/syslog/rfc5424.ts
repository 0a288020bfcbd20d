import { DASH, isPrintable, SPACE } from './ascii.js';
import { parseIsoTime } from './iso-time.js';
import { Format, type SyslogMessage } from './message.js';
import { skipStructuredData } from './structured-data.js';

/** Longest header fields, RFC 5424 section 6. */
const MAX_HOST = 255;
const MAX_APP = 48;
const MAX_PROC = 128;
const MAX_ID = 32;

/**
 * Reads what follows `<PRI>1 ` in RFC 5424:
 * `TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]`.
 * Returns false, and leaves the message half filled, where the grammar is broken.
 */
export function parseRfc5424(bytes: Uint8Array, start: number, end: number, message: SyslogMessage): boolean {
  // A step that fails returns -1, and so do the steps behind it.
  const timeEnd = bytes[start] === DASH ? start + 1 : parseIsoTime(bytes, start, end, message);
  const hostEnd = skipField(bytes, timeEnd, end, MAX_HOST);
  const appEnd = skipField(bytes, hostEnd, end, MAX_APP);
  const procEnd = skipField(bytes, appEnd, end, MAX_PROC);
  const idEnd = skipField(bytes, procEnd, end, MAX_ID);
  if (idEnd < 0 || idEnd >= end || bytes[idEnd] !== SPACE) return false;
  const dataEnd = skipStructuredData(bytes, idEnd + 1, end);
  if (dataEnd < 0 || (dataEnd < end && bytes[dataEnd] !== SPACE)) return false;
  const textStart = Math.min(dataEnd + 1, end);

  message.format = Format.rfc5424;
  message.hostStart = timeEnd + 1;
  message.hostEnd = hostEnd;
  message.appStart = hostEnd + 1;
  message.appEnd = appEnd;
  message.procStart = appEnd + 1;
  message.procEnd = procEnd;
  message.idStart = procEnd + 1;
  message.idEnd = idEnd;
  message.dataStart = idEnd + 1;
  message.dataEnd = dataEnd;
  message.textStart = hasByteOrderMark(bytes, textStart, end) ? textStart + 3 : textStart;
  forgetNil(bytes, message);
  return true;
}

/** Steps over `SP 1*max PRINTUSASCII` and returns the position behind it, or -1; -1 too where `start` is. */
function skipField(bytes: Uint8Array, start: number, end: number, max: number): number {
  if (start < 0 || start >= end || bytes[start] !== SPACE) return -1;
  const first = start + 1;
  const limit = Math.min(end, first + max);
  let at = first;
  while (at < limit && isPrintable(bytes[at]!)) at++;
  return at === first ? -1 : at;
}

/** MSG-UTF8 begins with a byte order mark, which is not part of the text. */
function hasByteOrderMark(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 3 && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
}

/** NILVALUE: "-" means that there is no such field. */
function forgetNil(bytes: Uint8Array, message: SyslogMessage): void {
  if (isNil(bytes, message.hostStart, message.hostEnd)) message.hostEnd = message.hostStart;
  if (isNil(bytes, message.appStart, message.appEnd)) message.appEnd = message.appStart;
  if (isNil(bytes, message.procStart, message.procEnd)) message.procEnd = message.procStart;
  if (isNil(bytes, message.idStart, message.idEnd)) message.idEnd = message.idStart;
  if (isNil(bytes, message.dataStart, message.dataEnd)) message.dataEnd = message.dataStart;
}

function isNil(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && bytes[start] === DASH;
}
