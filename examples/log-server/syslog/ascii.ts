/** The bytes that syslog's grammars are made of. */
export const NUL = 0x00;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const DASH = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
export const GREATER = 0x3e;
export const LETTER_T = 0x54;
export const LETTER_Z = 0x5a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** PRINTUSASCII of RFC 5424: visible, no space. */
export function isPrintable(byte: number): boolean {
  return byte >= 0x21 && byte <= 0x7e;
}

/** The number in exactly two digits at `at`, or -1. The caller has checked that both bytes are there. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - ZERO;
  const ones = bytes[at + 1]! - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}
