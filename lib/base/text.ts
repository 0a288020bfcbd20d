// Figures as text.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function inUnits(n: number, digits: (value: number, unit: number) => number): string {
  let unit = 0;
  let value = n;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(digits(value, unit))} ${UNITS[unit]}`;
}

/** What was measured: "4.0 KiB". */
export function bytes(n: number): string {
  return inUnits(n, (_, unit) => (unit === 0 ? 0 : 1));
}

/** What somebody chose: "4 KiB", "1.5 KiB". */
export function exactBytes(n: number): string {
  return inUnits(n, (value) => (Number.isInteger(value) ? 0 : 1));
}

/** 0.3141 is "31 %", 0.00314 "0.31 %": two digits, but never 100 % for less than all of it. */
export function percent(ratio: number): string {
  const value = ratio * 100;
  if (value === 0 || value >= 100) return `${Math.round(value)} %`;
  if (value > 99) return `${Math.min(value, 99.99).toFixed(2)} %`;
  return `${Number(value.toPrecision(2))} %`;
}

/** 1234567 is "1,234,567". */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** "1 block", "1,234 blocks". */
export function counted(n: number, what: string): string {
  return `${count(n)} ${what}${n === 1 ? '' : 's'}`;
}

const TIMES: readonly (readonly [ns: number, name: string])[] = [
  [1e3, 'us'],
  [1e6, 'ms'],
  [1e9, 's'],
  [60e9, 'min'],
  [3600e9, 'h'],
  [86_400e9, 'd'],
];

/** 1234 is "1.23 us", 5400e9 "1.5 h". */
export function duration(ns: number): string {
  const [unit, name] = TIMES.findLast(([min]) => ns >= min) ?? [1, 'ns'];
  return unit === 1 ? `${Math.round(ns)} ns` : `${Number((ns / unit).toPrecision(3))} ${name}`;
}

/** A time since the Unix epoch, in UTC and to the second: "2026-01-02 03:04:05Z". */
export const timeOfDay = (ms: number): string =>
  new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+/, '');

/** Control characters, line and paragraph separators, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Whether a terminal or a log shows `text` as it is, in one line. */
export const isPrintable = (text: string): boolean => text.search(UNPRINTABLE) < 0;

const escaped = (character: string) => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/**
 * What somebody else wrote, harmless for a terminal: a control character is "\u{1b}". Those in `keep` stay.
 */
export const printable = (text: string, keep = ''): string =>
  text.replace(UNPRINTABLE, (character) => (keep.includes(character) ? character : escaped(character)));
