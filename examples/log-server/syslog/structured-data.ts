import { BACKSLASH, CLOSE_BRACKET, DASH, EQUALS, isPrintable, OPEN_BRACKET, QUOTE, SPACE } from './ascii.js';

/** Longest SD-ID and PARAM-NAME. */
const MAX_NAME = 32;

/** Steps over STRUCTURED-DATA ("-", or elements like `[id name="value"]`) and returns the position behind it, or -1. */
export function skipStructuredData(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  if (bytes[start] === DASH) return start + 1;
  let at = start;
  while (at >= 0 && at < end && bytes[at] === OPEN_BRACKET) at = skipElement(bytes, at + 1, end);
  return at === start ? -1 : at;
}

/** `SD-ID *(SP PARAM-NAME="PARAM-VALUE") "]"`, behind the opening bracket. */
function skipElement(bytes: Uint8Array, start: number, end: number): number {
  let at = skipName(bytes, start, end);
  while (at >= 0 && at < end) {
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== SPACE) return -1;
    at = skipName(bytes, at + 1, end);
    if (at < 0 || end - at < 2 || bytes[at] !== EQUALS || bytes[at + 1] !== QUOTE) return -1;
    at = skipValue(bytes, at + 2, end);
  }
  return -1;
}

/** SD-NAME: printable, and none of `= SP ] "`. */
function skipName(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_NAME);
  let at = start;
  while (at < limit) {
    const byte = bytes[at]!;
    if (!isPrintable(byte) || byte === EQUALS || byte === CLOSE_BRACKET || byte === QUOTE) break;
    at++;
  }
  return at === start ? -1 : at;
}

/** Behind the opening quote to behind the closing one. A quote, a bracket and a backslash must be escaped (6.3.3). */
function skipValue(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === CLOSE_BRACKET) return -1;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

export type StructuredData = Record<string, Record<string, string>>;

/**
 * Structured data as objects, for readers; receiving never needs it. Expects text that skipStructuredData accepted.
 * A backslash before any other character than `"`, `\` and `]` stands for itself (6.3.3).
 */
export function readStructuredData(text: string): StructuredData {
  const data: StructuredData = Object.create(null);
  for (const element of text.matchAll(/\[([^\s\]="]+)((?: [^\s\]="]+="(?:\\.|[^"\\])*")*)\]/gs)) {
    const parameters: Record<string, string> = Object.create(null);
    for (const parameter of element[2]!.matchAll(/ ([^\s\]="]+)="((?:\\.|[^"\\])*)"/gs)) {
      parameters[parameter[1]!] = parameter[2]!.replace(/\\(["\\\]])/g, '$1');
    }
    data[element[1]!] = parameters;
  }
  return data;
}
