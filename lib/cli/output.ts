// How commands write: text of a readable width, tables, JSON.

import { printable } from '../base/text.js';

export interface Style {
  /** Characters a line. */
  readonly width: number;
  readonly colour: boolean;
}

/** Narrower text is unreadable, wider text too. */
const MIN_WIDTH = 60;
const MAX_WIDTH = 100;

/** What standard output can show. */
export function styleOfOutput(): Style {
  const { isTTY, columns = 80 } = process.stdout;
  return {
    width: Math.min(Math.max(columns, MIN_WIDTH), MAX_WIDTH),
    // no-color.org: any value but an empty one.
    colour: isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  };
}

/** Breaks `text` at spaces; a word that is longer than a line stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/**
 * Rows as lines of aligned columns: the first `left` columns begin, the others end in line. A row may be
 * shorter than others.
 */
export function table(rows: readonly (readonly string[])[], left = 1): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** A whole number with separators; a fraction with three digits that count. */
export function figure(value: number): string {
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** At most `width` characters; the last one tells that there were more. */
export const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

export function writeLines(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** JSON whose strings no terminal obeys: JSON itself escapes but those below space. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** One object, indented, for people and jq alike. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${jsonText(value, 2)}\n`);
}

/** The same object with every string, which another process wrote, harmless for a terminal; lines stay lines. */
export function withPrintable<T>(value: T): T {
  if (typeof value === 'string') return printable(value, '\n') as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withPrintable) as T;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withPrintable(one)])) as T;
}
