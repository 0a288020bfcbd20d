import { COLON, DASH, DOT, isDigit, LETTER_T, LETTER_Z, PLUS, twoDigits, ZERO } from './ascii.js';
import { daysFromCivil, daysInMonth } from './calendar.js';
import type { SyslogMessage } from './message.js';

/** "2003-10-11T22:14:15", before the optional fraction and the zone. */
const FIXED_LENGTH = 19;

/**
 * Reads RFC 5424's TIMESTAMP (a strict RFC 3339: upper-case T and Z, at most six digits of fraction, no leap
 * second) at `at`, sets the message's time and zone, and returns the position behind it, or -1.
 */
export function parseIsoTime(bytes: Uint8Array, at: number, end: number, message: SyslogMessage): number {
  if (end - at <= FIXED_LENGTH) return -1;
  if (bytes[at + 4] !== DASH || bytes[at + 7] !== DASH || bytes[at + 10] !== LETTER_T) return -1;
  if (bytes[at + 13] !== COLON || bytes[at + 16] !== COLON) return -1;

  const century = twoDigits(bytes, at);
  const yearOfCentury = twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  const hour = twoDigits(bytes, at + 11);
  const minute = twoDigits(bytes, at + 14);
  const second = twoDigits(bytes, at + 17);
  if (century < 0 || yearOfCentury < 0 || month < 1 || month > 12) return -1;
  const year = century * 100 + yearOfCentury;
  if (day < 1 || day > daysInMonth(year, month)) return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;

  let position = at + FIXED_LENGTH;
  let micros = 0;
  if (bytes[position] === DOT) {
    position++;
    const first = position;
    let unit = 100_000;
    while (position < end && isDigit(bytes[position]!)) {
      if (position - first === 6) return -1;
      micros += (bytes[position]! - ZERO) * unit;
      unit /= 10;
      position++;
    }
    if (position === first) return -1;
  }

  let zone = 0;
  if (position >= end) return -1;
  const sign = bytes[position]!;
  if (sign === LETTER_Z) {
    position++;
  } else if (sign === PLUS || sign === DASH) {
    if (end - position < 6 || bytes[position + 3] !== COLON) return -1;
    const hours = twoDigits(bytes, position + 1);
    const minutes = twoDigits(bytes, position + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1;
    zone = (hours * 60 + minutes) * (sign === PLUS ? 1 : -1);
    position += 6;
  } else {
    return -1;
  }

  const seconds = ((daysFromCivil(year, month, day) * 24 + hour) * 60 + minute - zone) * 60 + second;
  message.time = seconds * 1e6 + micros;
  message.zone = zone;
  return position;
}
