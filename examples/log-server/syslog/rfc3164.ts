import { CLOSE_BRACKET, COLON, isPrintable, OPEN_BRACKET, SPACE } from './ascii.js';
import type { BsdTime } from './bsd-time.js';
import { parseIsoTime } from './iso-time.js';
import { Format, type SyslogMessage } from './message.js';

/** RFC 3164 says 32; journald and containers write longer ones. */
const MAX_TAG = 64;
/** As in RFC 5424, so that a header is short whatever the grammar. */
const MAX_HOST = 255;
const MAX_PID = 128;

/**
 * Reads what follows `<PRI>` in RFC 3164: `TIMESTAMP SP HOSTNAME SP TAG[pid]: CONTENT`. The RFC describes what was seen
 * in the wild, so nothing here can fail: what is not there is missing, and the rest is content. rsyslog and others
 * put an RFC 3339 timestamp in the place of the old one; that is understood too.
 */
export function parseRfc3164(
  bytes: Uint8Array,
  start: number,
  end: number,
  message: SyslogMessage,
  bsdTime: BsdTime,
): void {
  message.format = Format.rfc3164;
  let at = bsdTime.parse(bytes, start, end, message);
  if (at < 0) at = parseIsoTime(bytes, start, end, message);
  if (at < 0 || at >= end || bytes[at] !== SPACE) {
    message.time = Number.NaN;
    message.zone = 0;
    readTag(bytes, start, end, message);
    return;
  }
  const host = at + 1;
  at = host;
  const hostLimit = Math.min(end, host + MAX_HOST);
  while (at < hostLimit && isPrintable(bytes[at]!)) at++;
  if (at === host || at >= end || bytes[at] !== SPACE || bytes[at - 1] === COLON) {
    // "TIMESTAMP TAG: CONTENT", as local senders write it: there is no host.
    readTag(bytes, host, end, message);
    return;
  }
  message.hostStart = host;
  message.hostEnd = at;
  readTag(bytes, at + 1, end, message);
}

/** `TAG[pid]: CONTENT` or `TAG: CONTENT`. Where neither is there all is content. */
function readTag(bytes: Uint8Array, start: number, end: number, message: SyslogMessage): void {
  message.textStart = start;
  const limit = Math.min(end, start + MAX_TAG);
  let at = start;
  while (at < limit && isTagByte(bytes[at]!)) at++;
  if (at === start || at >= end) return;
  const tagEnd = at;
  if (bytes[at] === OPEN_BRACKET) {
    const pid = at + 1;
    at = pid;
    const pidLimit = Math.min(end, pid + MAX_PID);
    while (at < pidLimit && isPrintable(bytes[at]!) && bytes[at] !== CLOSE_BRACKET) at++;
    if (at === pid || at >= end || bytes[at] !== CLOSE_BRACKET) return;
    message.procStart = pid;
    message.procEnd = at;
    at++;
    if (at < end && bytes[at] === COLON) at++;
  } else if (bytes[at] === COLON) {
    at++;
  } else {
    return;
  }
  if (at < end && bytes[at] === SPACE) at++;
  message.appStart = start;
  message.appEnd = tagEnd;
  message.textStart = at;
}

function isTagByte(byte: number): boolean {
  return isPrintable(byte) && byte !== OPEN_BRACKET && byte !== COLON;
}
