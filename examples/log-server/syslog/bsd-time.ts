import { COLON, isDigit, SPACE, twoDigits, ZERO } from './ascii.js';
import { daysInMonth } from './calendar.js';
import type { SyslogMessage } from './message.js';

/** "Oct 11 22:14:15" */
const LENGTH = 15;

const MONTHS = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [
    pack(name.charCodeAt(0), name.charCodeAt(1), name.charCodeAt(2)),
    index + 1,
  ]),
);

function pack(a: number, b: number, c: number): number {
  return (a << 16) | (b << 8) | c;
}

const HALF_A_YEAR_MS = 183 * 24 * 3600 * 1000;

/**
 * RFC 3164's timestamp: local time, without year and zone. The zone is taken to be this machine's, the year the one
 * that brings the time nearest to now, so that a line of December 31st read on January 1st is one day old.
 */
export class BsdTime {
  readonly #now: () => number;
  /** A minute that was already computed: a Date costs more than the rest of a line, and lines come in bursts. */
  #cachedMinute = -1;
  #cachedMicros = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Sets the message's time and returns the position behind the timestamp at `at`, or -1. */
  parse(bytes: Uint8Array, at: number, end: number, message: SyslogMessage): number {
    if (end - at < LENGTH) return -1;
    if (bytes[at + 3] !== SPACE || bytes[at + 6] !== SPACE) return -1;
    if (bytes[at + 9] !== COLON || bytes[at + 12] !== COLON) return -1;
    const month = MONTHS.get(pack(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!));
    if (month === undefined) return -1;
    // The day is padded with a space; a zero is common too.
    const tens = bytes[at + 4] === SPACE ? 0 : bytes[at + 4]! - ZERO;
    if (tens < 0 || tens > 3 || !isDigit(bytes[at + 5]!)) return -1;
    const day = tens * 10 + bytes[at + 5]! - ZERO;
    const hour = twoDigits(bytes, at + 7);
    const minute = twoDigits(bytes, at + 10);
    const second = twoDigits(bytes, at + 13);
    // Without a year, February has 29 days.
    if (day < 1 || day > daysInMonth(2000, month)) return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;

    message.time = this.#minute(month, day, hour, minute) + second * 1e6;
    return at + LENGTH;
  }

  #minute(month: number, day: number, hour: number, minute: number): number {
    const key = ((month * 32 + day) * 24 + hour) * 60 + minute;
    if (key !== this.#cachedMinute) {
      this.#cachedMicros = this.#nearest(month, day, hour, minute) * 1000;
      this.#cachedMinute = key;
    }
    return this.#cachedMicros;
  }

  #nearest(month: number, day: number, hour: number, minute: number): number {
    const now = this.#now();
    let year = new Date(now).getFullYear();
    const guess = new Date(year, month - 1, day, hour, minute).getTime();
    if (guess - now > HALF_A_YEAR_MS) year--;
    else if (now - guess > HALF_A_YEAR_MS) year++;
    return new Date(year, month - 1, day, hour, minute).getTime();
  }
}
