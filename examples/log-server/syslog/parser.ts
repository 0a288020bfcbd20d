import { CR, GREATER, isDigit, LESS, LF, NUL, SPACE, ZERO } from './ascii.js';
import { BsdTime } from './bsd-time.js';
import { SyslogMessage } from './message.js';
import { parseRfc3164 } from './rfc3164.js';
import { parseRfc5424 } from './rfc5424.js';

const VERSION_1 = 0x31;
/** Facility 23, severity 7. */
const MAX_PRIORITY = 191;

/** Parses RFC 5424 and RFC 3164 messages in place: positions in, positions out, no allocation. */
export class SyslogParser {
  /** The message last parsed. Valid until the next call. */
  readonly message = new SyslogMessage();
  readonly #bsdTime: BsdTime;

  constructor(now?: () => number) {
    this.#bsdTime = new BsdTime(now);
  }

  /**
   * Parses one message, `bytes[start, end)`, without its framing. Line ends and NULs that senders leave at the end are
   * not part of it. Whatever the bytes are, the result is a message; without a valid priority, or with version 1
   * and a broken RFC 5424 header, its format is `unparsed`.
   */
  parse(bytes: Uint8Array, start: number, end: number): SyslogMessage {
    const message = this.message;
    let last = end;
    while (last > start && isTrailer(bytes[last - 1]!)) last--;
    message.reset(start, last);

    const at = this.#priority(bytes, start, last);
    if (at < 0) return message;
    if (last - at >= 2 && bytes[at] === VERSION_1 && bytes[at + 1] === SPACE) {
      if (!parseRfc5424(bytes, at + 2, last, message)) message.reset(start, last);
    } else {
      parseRfc3164(bytes, at, last, message, this.#bsdTime);
    }
    return message;
  }

  /** `<0>` to `<191>` without leading zeros (RFC 5424 6.2.1, RFC 3164 4.1.1). The position behind it, or -1. */
  #priority(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < 3 || bytes[start] !== LESS || !isDigit(bytes[start + 1]!)) return -1;
    let value = 0;
    let at = start + 1;
    const limit = Math.min(end, start + 4);
    while (at < limit && isDigit(bytes[at]!)) value = value * 10 + bytes[at++]! - ZERO;
    if (at >= end || bytes[at] !== GREATER || value > MAX_PRIORITY) return -1;
    if (bytes[start + 1] === ZERO && at - start > 2) return -1;
    this.message.priority = value;
    return at + 1;
  }
}

function isTrailer(byte: number): boolean {
  return byte === LF || byte === CR || byte === NUL;
}
